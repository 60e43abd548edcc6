"""Whether ragent knows when it does not know."""
