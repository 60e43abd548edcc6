"""A model as judge: verdicts, how far they agree with people, arenas, and pairs to tune models by."""
