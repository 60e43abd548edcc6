"""A knowledge graph of a collection: who and what its documents speak of, and which sentence says how."""
