"""Times as people say them: 30m, 2h, 7d, or 2025-03-01."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from ragent.errors import ConfigError

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def moment(text: str) -> datetime:
    """The moment that an option --since names. Raises ConfigError."""
    if match := re.fullmatch(r"(\d+)([smhd])", text):
        return datetime.now(UTC) - timedelta(**{_UNITS[match[2]]: int(match[1])})
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        raise ConfigError(f"--since {text!r} is no time", hint="30m, 2h, 7d, or 2025-03-01") from None
