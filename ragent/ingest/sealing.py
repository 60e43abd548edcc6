"""A source that was opened with secrets, and lets none of them out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, unquote

from ragent.errors import RagentError
from ragent.ingest.secrets import MARK
from ragent.protocols import Source
from ragent.types import Changes, Item, RawDocument

_LONG = 6
_TOKEN = 16  # as long as that it is no word of a document, and a user may be a token
_HEAD = 8192


@dataclass(frozen=True, slots=True)
class Scrubber:
    """Puts `***` for secrets, however they are percent-encoded; short ones only where they stand alone."""

    secrets: Sequence[str]
    _pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        written = {form for secret in self.secrets for form in _forms(secret)}
        alone = (r"(?<![A-Za-z0-9])%s(?![A-Za-z0-9])", "%s")
        forms = [
            alone[len(form) >= _LONG] % re.escape(form) for form in sorted(written, key=len, reverse=True)
        ]
        object.__setattr__(self, "_pattern", re.compile("|".join(forms)))

    def text(self, text: str) -> str:
        """The text without secrets."""
        return self._pattern.sub(MARK, text)

    def data(self, data: bytes) -> bytes:
        """The bytes of a text without tokens: shorter secrets may be words. Binary data stays as it is."""
        if b"\0" in data[:_HEAD]:
            return data
        for form in {form for secret in self.secrets for form in _forms(secret) if len(form) >= _TOKEN}:
            data = data.replace(form.encode(), MARK.encode())
        return data

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Errors raised inside say `***`, and lose what caused them."""
        try:
            yield
        except RagentError as error:
            error.message, error.hint = self.text(error.message), self.text(error.hint)
            error.args = (error.message,)
            raise error from None


@dataclass(slots=True)
class Sealed:
    """Gives what a source gives, with `***` for its secrets in uris, errors, and the text of what it loads.

    `changes` and `recall` are there if the source has them, else None.
    """

    source: Source
    scrubber: Scrubber
    changes: Callable[[str | None], Changes] | None = field(init=False, default=None)
    recall: Callable[[str], None] | None = field(init=False, default=None)
    _real: dict[str, str] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        if hasattr(self.source, "changes"):
            self.changes = self._changes
        if hasattr(self.source, "recall"):
            self.recall = self._recall

    @property
    def uri(self) -> str:
        """As the source's."""
        return self.scrubber.text(self.source.uri)

    def items(self) -> Iterator[Item]:
        """As the source's."""
        with self.scrubber.errors():
            yield from map(self._sealed, self.source.items())

    def load(self, item: Item) -> RawDocument:
        """As the source's."""
        with self.scrubber.errors():
            raw = self.source.load(replace(item, uri=self._real.get(item.uri, item.uri)))
        name, data = self.scrubber.text(raw.name), self.scrubber.data(raw.data)
        return RawDocument(item.uri, name, data)

    def memory(self) -> str:
        """As the source's."""
        source: Any = self.source
        return self.scrubber.text(source.memory())

    def _recall(self, memory: str) -> None:
        source: Any = self.source
        # Of several secrets nobody knows which one stood where: the source then remembers nothing of use.
        secrets = self.scrubber.secrets
        source.recall(memory.replace(MARK, secrets[0]) if len(secrets) == 1 else memory)

    def _changes(self, cursor: str | None) -> Changes:
        source: Any = self.source
        with self.scrubber.errors():
            changes: Changes = source.changes(cursor)
        deleted = tuple(map(self.scrubber.text, changes.deleted))
        return Changes(tuple(map(self._sealed, changes.items)), deleted, changes.cursor)

    def _sealed(self, item: Item) -> Item:
        uri = self.scrubber.text(item.uri)
        if uri != item.uri:
            self._real[uri] = item.uri
        return Item(uri, self.scrubber.text(item.version), self.scrubber.text(item.error))


def _forms(secret: str) -> set[str]:
    """A secret as it is written, plain, and percent-encoded; of user and password also each that is one."""
    plain = unquote(secret)
    user, _, password = plain.partition(":")
    parts = {plain, password or plain} | ({user} if len(user) >= _TOKEN else set())
    return {secret} | {form for part in parts for form in (part, quote(part, safe=""), quote(part))}
