"""A home in use by many: its models once, a `Rag` for each collection, and a `Session` for each who asks."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from ragent.config import Settings, find_config, load_settings
from ragent.errors import NotSignedIn
from ragent.rag import Rag
from ragent.service.access import ANYBODY, Caller
from ragent.service.jobs import Jobs
from ragent.service.people import People
from ragent.service.session import Session
from ragent.service.sign_ins import SignIns
from ragent.service.turns import Rate, Turnstile
from ragent.store import Store, conversations

_CHANGEABLE = ("ask", "retrieval", "rerank", "llm")


class Service:
    """Opened once by a server or a chat page, and shared by all its threads."""

    def __init__(self, home: Path, settings: Settings) -> None:
        self.home = home
        self.settings = settings
        self.root = Rag(home, settings)
        self.people = People(self.root.store)
        self.jobs = Jobs(self.root.store, self.rag)
        self.turnstile = Turnstile(settings.server.answers_at_once, settings.server.waiting_answers)
        self.rate = Rate(settings.server.requests_a_minute)
        self.sign_ins = SignIns(self.people, settings.server.session_hours)
        self._rags: OrderedDict[str, Rag] = OrderedDict()
        self._lock = threading.Lock()

    @classmethod
    def open(cls, home: Path, settings: Settings | None = None) -> Self:
        """Open a home, and go on with the jobs that a process which died left behind.

        Raises:
            StoreError: the home can't be used.
            ConfigError: a setting is impossible.
        """
        service = cls(home, settings or load_settings(find_config(home)))
        with service.store.writing() as connection:
            conversations.end_interrupted(connection)
        service.jobs.start()
        return service

    def close(self) -> None:
        """End the jobs in order, and release everything."""
        self.jobs.stop()
        self.root.close()

    @property
    def store(self) -> Store:
        """The database of the home."""
        return self.root.store

    def rag(self, collection: str) -> Rag:
        """One collection. The indexes of few are open at a time, whoever holds what this gave."""
        with self._lock:
            if collection not in self._rags:
                settings = self.settings.model_copy(update={"collection": collection})
                self._rags[collection] = self.root.with_settings(settings)
                if len(self._rags) > self.settings.server.open_collections:
                    self._rags.popitem(last=False)
            self._rags.move_to_end(collection)
            return self._rags[collection]

    def rag_under(self, collection: str, changes: Mapping[str, Mapping[str, Any]]) -> Rag:
        """One collection under other settings, by section: {"ask": {"k": 4}, "llm": {"temperature": 0.7}}."""
        rag = self.rag(collection)
        if not changes:
            return rag
        return rag.with_settings(changed(rag.settings, changes))

    def session(self, caller: Caller) -> Session:
        """What somebody may do."""
        return Session(self, caller)

    def anybody(self) -> Session:
        """Whoever it is, where nobody signs in. Raises NotSignedIn where somebody has to."""
        if self.settings.server.sign_in != "off":
            raise NotSignedIn("sign in first")
        return self.session(ANYBODY)


def changed(settings: Settings, changes: Mapping[str, Mapping[str, Any]]) -> Settings:
    """Settings with some of them changed, by section, and checked.

    Whoever may ask may change them: so only how answers are made and searched for, never what is opened,
    reached or written.

    Raises:
        ConfigError: a section or a value can't be set so.
    """
    from pydantic import ValidationError

    from ragent.errors import ConfigError

    sections: dict[str, Any] = {}
    for name, values in changes.items():
        if name not in _CHANGEABLE:
            raise ConfigError(
                f"[{name}] can't be changed for one question", hint=f"what can: {', '.join(_CHANGEABLE)}"
            )
        section = getattr(settings, name)
        try:
            sections[name] = type(section).model_validate(section.model_dump() | dict(values))
        except ValidationError as error:
            first = error.errors()[0]
            raise ConfigError(f"[{name}] {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    made = settings.model_copy(update=sections)
    if made.llm.opened != settings.llm.opened or made.rerank.cross_encoder != settings.rerank.cross_encoder:
        raise ConfigError("a question can't bring a model of its own", hint="write it to ragent.toml")
    return made
