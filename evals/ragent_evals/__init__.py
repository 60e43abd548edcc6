"""Eval sets, metrics, runs and reports."""
