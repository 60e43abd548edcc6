"""Options of a source, written behind the `#` of its URL: `https://example.org/docs/#depth=2&max_pages=50`.

A fragment is never sent to a server, so options can't be mistaken for a part of the address.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from ragent.errors import SourceError

Kinds = Mapping[str, Callable[[str], Any]]


def split_options(argument: str, kinds: Kinds) -> tuple[str, dict[str, Any]]:
    """The URL without its fragment, and the options in it, converted by `kinds`.

    A fragment without `=` is a place within a page and is passed over.

    Raises:
        SourceError: an option is unknown or can't be converted.
    """
    url, _, fragment = argument.partition("#")
    options: dict[str, Any] = {}
    if "=" not in fragment:
        return url, options
    for name, value in parse_qsl(fragment, keep_blank_values=True):
        if name not in kinds:
            known = ", ".join(kinds)
            raise SourceError(
                f"can't read {url}: unknown option {name!r} behind the #", hint=f"known: {known}"
            )
        try:
            options[name] = kinds[name](value)
        except ValueError:
            raise SourceError(
                f"can't read {url}: option {name} can't be {value!r}",
                hint="write it as #name=value&name=value",
            ) from None
    return url, options


def flag(value: str) -> bool:
    """1, true or yes; 0, false or no."""
    known = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    if value.lower() not in known:
        raise ValueError(value)
    return known[value.lower()]


def at_least(least: float) -> Callable[[str], float]:
    """A number that is no less than `least`; whole where it is written without a point."""

    def convert(value: str) -> float:
        number = float(value) if "." in value else int(value)
        if not number >= least:
            raise ValueError(value)
        return number

    return convert
