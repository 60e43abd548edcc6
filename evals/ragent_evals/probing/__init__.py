"""Probes of robustness: a set of questions made harder in one way at a time, by known degrees."""
