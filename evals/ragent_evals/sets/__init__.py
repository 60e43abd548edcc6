"""Eval sets: what a case is, and the layouts that sets come in."""
