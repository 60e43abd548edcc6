"""Eval sets: what a case is, and the layouts that sets come in. `open_set` is the way in."""
