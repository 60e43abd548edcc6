"""Search in PostgreSQL itself: pgvector for what is near, postings in its tables for words."""
