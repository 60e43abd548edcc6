from __future__ import annotations

import pytest


@pytest.fixture
def store_url(postgresql_url: str) -> str:
    """Of the database that searches itself, alone."""
    return postgresql_url
