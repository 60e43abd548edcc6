"""Answers against the right ones."""
