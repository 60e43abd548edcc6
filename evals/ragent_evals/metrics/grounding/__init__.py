"""Whether what an answer says stands in what it cites, and that in the documents."""
