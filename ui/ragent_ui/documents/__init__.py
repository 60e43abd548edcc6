"""The page `documents`."""
