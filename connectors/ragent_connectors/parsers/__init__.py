"""Parsers: how bytes become text with structure. One a file, found by entry point."""
