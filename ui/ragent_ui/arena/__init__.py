"""The page `arena`."""
