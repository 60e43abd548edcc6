"""Metrics, one a file, found by the entry-point group `ragent.metrics`."""
