"""Runs: each case of a set through ragent, and what came of it kept."""
