"""Improves a program (a prompt, its examples and its numbers) on one part of a set, and checks on another."""
