"""The page `traces`."""
