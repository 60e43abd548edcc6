"""How much of the very words that answer a search found, and how much else."""
