"""What of a text or a query counts as a keyword."""
