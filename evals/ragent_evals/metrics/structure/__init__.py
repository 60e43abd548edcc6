"""Values that were written under a schema."""
