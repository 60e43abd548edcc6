"""The page `evals`."""
