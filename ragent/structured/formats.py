"""Formats that the engine enforces but in part, as patterns that leave no gap.

Each pattern allows less than its RFC, never more: what is generated is valid, if never odd.
"""

from __future__ import annotations

from typing import Any

_DATE = (
    r"(?:[1-9]\d{3}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)"
    r"|02-(?:0[1-9]|1\d|2[0-8]))|(?:[1-9]\d(?:0[48]|[2468][048]|[13579][26])|[2468][048]00|[13579][26]00)-02-29)"
)
_TIME = r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)"
_LABEL = r"[A-Za-z0-9]{1,20}(?:-[A-Za-z0-9]{1,20}){0,2}"
PATTERNS = {
    "date": f"^{_DATE}$",
    "time": f"^{_TIME}$",
    "date-time": f"^{_DATE}T{_TIME}$",
    "hostname": rf"^{_LABEL}(?:\.{_LABEL}){{0,3}}$",
}
"""RFC 3339 without leap seconds, the years 1000 to 9999; RFC 1123 names without `xn--`."""


def sharpen(schema: Any) -> Any:
    """The schema with these patterns beside the formats, where there is no pattern yet."""
    if isinstance(schema, list):
        return [sharpen(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    sharper = {key: sharpen(part) for key, part in schema.items()}
    pattern = PATTERNS.get(schema["format"]) if isinstance(schema.get("format"), str) else None
    if pattern and "pattern" not in schema:
        # Instead of the format: the engine would have to prove that the two agree.
        del sharper["format"]
        sharper["pattern"] = pattern
    return sharper
