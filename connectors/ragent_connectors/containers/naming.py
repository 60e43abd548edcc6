"""What members of a container are called."""

from __future__ import annotations

from pathlib import PurePosixPath
from urllib.parse import quote

from ragent.types import Failure, RawDocument
from ragent_connectors.parsers.decoding import clean

SEPARATOR = "!/"
"""Stands in a uri between a container and the path of a member."""
_CHROME = "__MACOSX"
_LONGEST = 1000


class Shelf:
    """The members of one container: makes them documents, and refuses names that lead out or come twice."""

    def __init__(self, raw: RawDocument) -> None:
        self._raw = raw
        self._seen: set[str] = set()

    def place(self, path: str) -> str | Failure:
        """The uri of the member at `path`, to be used with `document`; a Failure if its name is no good."""
        path = clean(path).replace("\\", "/")
        shown = quote(path[:_LONGEST])
        uri = f"{self._raw.uri}{SEPARATOR}{shown}"
        parts = PurePosixPath(path).parts
        if not parts or len(path) > _LONGEST:
            return Failure(uri, "its name is empty or endless")
        if ".." in parts or path.startswith("/") or (len(path) > 1 and path[1] == ":"):
            return Failure(uri, "its name leads out of the archive: such archives are made to harm")
        uri = f"{self._raw.uri}{SEPARATOR}{quote('/'.join(parts))}"
        if uri in self._seen:
            return Failure(uri, "the archive holds more than one file of this name: the first was read")
        self._seen.add(uri)
        return uri

    def numbered(self, number: int, name: str) -> str:
        """The uri of a member without a path of its own: its number, then its name."""
        tidy = "".join("_" if c in "/\\" else c for c in clean(name)).strip()[:200]
        return f"{self._raw.uri}{SEPARATOR}{number}/{quote(tidy)}"


def is_hidden(path: str) -> bool:
    """Whether a member is passed over, as hidden files of folders are."""
    parts = PurePosixPath(path.replace("\\", "/")).parts
    return any(part == _CHROME or (part.startswith(".") and part != "..") for part in parts)


def too_large(uri: str, limit: int) -> Failure:
    """The Failure of a member that is longer than allowed."""
    return Failure(uri, f"it is over the limit of {limit / 1e6:.1f} MB: unpack it and split it")


def bomb(raw: RawDocument, limit: int) -> Failure:
    """The Failure of a container that unpacks to more than allowed."""
    return Failure(raw.uri, f"it unpacks to more than {limit / 1e6:.0f} MB: unpack what you need of it")
