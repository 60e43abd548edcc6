"""Pictures of documents' pages, with words marked in them."""
