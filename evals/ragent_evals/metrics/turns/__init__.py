"""Conversations, turn by turn."""
