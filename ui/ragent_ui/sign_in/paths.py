"""Addresses that are no pages."""

KEEP = "/sign-in/keep"
