"""Servers of models: which of several to ask, what to try again, and when to leave one alone."""

from __future__ import annotations

from ragent.served.address import Address, read_addresses
from ragent.served.breaker import Breaker
from ragent.served.endpoint import Endpoint
from ragent.served.pool import Pool, PoolOptions
from ragent.served.retries import Retries

__all__ = ["Address", "Breaker", "Endpoint", "Pool", "PoolOptions", "Retries", "read_addresses"]
