"""What a site's robots.txt allows (RFC 9309)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from ragent.web import Fetcher

_MAX_BYTES = 500_000  # the least that RFC 9309 wants to be read
_MAX_DELAY = 60.0
_ENCODED = re.compile(r"%([0-9A-Fa-f]{2})")
_KEPT = "%/?:@!$&'()*+,;=-._~#[]"
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")


@dataclass(frozen=True, slots=True)
class RobotRules:
    """The rules of one robots.txt for one agent, as (path pattern, allowed), and its `Crawl-delay`."""

    rules: tuple[tuple[str, bool], ...] = ()
    delay: float = 0.0

    def allows(self, url: str) -> bool:
        """Whether a URL may be fetched: the longest pattern that fits decides, of two as long the kinder."""
        parts = urlsplit(url)
        path = _plain(parts.path or "/") + (f"?{_plain(parts.query)}" if parts.query else "")
        if path == "/robots.txt":
            return True
        fitting = [(len(pattern), allowed) for pattern, allowed in self.rules if _fits(pattern, path)]
        return max(fitting, default=(0, True))[1]


def read_robots(text: str, agent: str) -> RobotRules:
    """The rules for `agent`: of all groups that name it, else of all for `*`."""
    groups: dict[bool, list[tuple[str, str]]] = {True: [], False: []}
    named: set[bool] = set()
    own, in_rules = False, True
    current: list[bool] = []
    for key, value in _lines(text):
        if key == "user-agent":
            current = [] if in_rules else current
            in_rules = False
            name = value.partition("/")[0].strip().lower()
            own = name == agent.lower()
            if own or name == "*":
                current.append(own)
                named.add(own)
        else:
            in_rules = True
            for group in current:
                groups[group].append((key, value))
    found = groups[True in named]
    rules = tuple((_plain(value), key == "allow") for key, value in found if key != "crawl-delay" and value)
    delays = [_seconds(value) for key, value in found if key == "crawl-delay"]
    return RobotRules(rules, max(delays, default=0.0))


class Robots:
    """Obeys robots.txt, read once a site."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self._rules: dict[str, RobotRules] = {}

    def allows(self, url: str) -> bool:
        """Whether our agent may fetch a URL."""
        return self._of(url).allows(url)

    def delay(self, url: str) -> float:
        """Seconds that the site wants between two requests, a minute at most; 0 where it doesn't say."""
        return self._of(url).delay

    def _of(self, url: str) -> RobotRules:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin not in self._rules:
            self._rules[origin] = self._read(origin)
        return self._rules[origin]

    def _read(self, origin: str) -> RobotRules:
        """Missing: everything is allowed. A server in trouble: nothing is (RFC 9309, 2.3.1.3 and 2.3.1.4)."""
        fetched = self._fetcher.get(f"{origin}/robots.txt")
        if fetched.status >= 500:
            return RobotRules((("/", False),))
        if fetched.status >= 300:
            return RobotRules()
        text = fetched.data[:_MAX_BYTES].decode("utf-8", "replace").removeprefix("\ufeff")
        return read_robots(text, self._fetcher.agent)


def _lines(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        key, colon, value = line.partition("#")[0].partition(":")
        if colon and key.strip().lower() in ("user-agent", "allow", "disallow", "crawl-delay"):
            yield key.strip().lower(), value.strip()


def _fits(pattern: str, path: str) -> bool:
    """`*` stands for anything, `$` at the end for the end. Linear, whatever the pattern."""
    anchored = pattern.endswith("$")
    first, *rest = pattern.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    if not rest:
        return not anchored or path == first
    position = len(first)
    for part in rest[:-1]:
        found = path.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    if anchored:
        return path.endswith(rest[-1]) and len(path) - len(rest[-1]) >= position
    return path.find(rest[-1], position) >= 0


def _plain(path: str) -> str:
    """One way to write a path: needless percent-encoding undone, the rest in capitals."""

    def decoded(match: re.Match[str]) -> str:
        character = chr(int(match[1], 16))
        return character if _UNRESERVED.fullmatch(character) else match[0].upper()

    return _ENCODED.sub(decoded, quote(path, safe=_KEPT))


def _seconds(value: str) -> float:
    try:
        return min(max(float(value), 0.0), _MAX_DELAY)
    except ValueError:
        return 0.0
