"""What one person or program may do with a home. Every method checks whether they may."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack
from urllib.parse import urlsplit

from ragent.errors import NotAllowed, NotThere, RagentError
from ragent.rag import Rag
from ragent.rag.options import SearchArguments
from ragent.service import uploads
from ragent.service.access import Caller, Role, require, require_role, role_in, role_of
from ragent.service.conversations import Conversation, Conversations, Turn, details_of, documents_of
from ragent.service.documents import Documents
from ragent.service.jobs import Job
from ragent.service.turns import Stopped
from ragent.store import Store, people
from ragent.types import Answer, Failure, Message, SearchResult, UnpackLimits

if TYPE_CHECKING:
    from ragent.service.service import Service

Changes = Mapping[str, Mapping[str, Any]]

_NO_CHANGES: Changes = {}


@dataclass(frozen=True, slots=True)
class CollectionInfo:
    """A collection as somebody sees it."""

    name: str
    role: Role
    documents: int
    chunks: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and how it is to be answered.

    Attributes:
        question: what is asked.
        k: passages put before the model; None: as the settings say.
        schema: the form the answer is put into, a JSON Schema; None: none.
        search: options of the search.
        changes: settings that are otherwise this once, by section.
    """

    question: str
    k: int | None = None
    schema: Any = None
    search: SearchArguments = field(default_factory=SearchArguments)
    changes: Changes = field(default_factory=lambda: _NO_CHANGES)


class Session:
    """Made by `Service.session`. Safe to share between threads."""

    def __init__(self, service: Service, caller: Caller) -> None:
        self.service = service
        self.caller = caller

    @property
    def _store(self) -> Store:
        return self.service.store

    # -- collections ------------------------------------------------------------------------------------

    def role_in(self, collection: str) -> Role | None:
        """What they may be in a collection; None: nothing."""
        with self._store.reading() as connection:
            grants = people.grants_of(connection, collection)
        return role_in(self.caller, collection, grants)

    def collections(self) -> list[CollectionInfo]:
        """Those that they may know of, by name; the default one is there even while it is empty."""
        found = {one.name: one.id for one in self._store.collections()}
        infos = []
        for name in sorted({self.service.settings.collection, *found}):
            role = self.role_in(name)
            if role is None:
                continue
            counts = self._store.counts(found[name]) if name in found else None
            infos.append(
                CollectionInfo(name, role, counts.documents if counts else 0, counts.chunks if counts else 0)
            )
        return infos

    def claim(self, collection: str) -> None:
        """Make a collection that doesn't exist yet one's own, before anything is put in.

        Raises:
            NotAllowed: a reader may not, nor may anybody take one that is there.
        """
        require_role(self.caller.role, "editor")
        if self._store.find_collection(collection) is not None:
            raise NotAllowed(f"the collection {collection!r} is there already")
        if self.caller.name:
            with self._store.writing() as connection:
                people.set_grant(connection, collection, self.caller.name, "admin")

    def share(self, collection: str, person: str, role: Role | None) -> None:
        """Give somebody a role in a collection, or none. Raises NotAllowed, NotThere."""
        self.require(collection, "admin")
        with self._store.writing() as connection:
            people.set_grant(connection, collection, person, role and role_of(role))

    def require(self, collection: str, wanted: Role) -> Role:
        """Raises NotThere for a collection that they may not know of, NotAllowed where they are less."""
        have = self.role_in(collection)
        require(have, wanted, collection)
        return wanted if have is None else have

    def rag(self, collection: str, wanted: Role = "reader", changes: Changes = _NO_CHANGES) -> Rag:
        """The library over a collection, for what needs that role. Raises as `require`, and ConfigError."""
        self.require(collection, wanted)
        return self.service.rag_under(collection, changes)

    # -- asking -----------------------------------------------------------------------------------------

    def search(self, collection: str, query: str, k: int, **options: Unpack[SearchArguments]) -> SearchResult:
        """Like `Rag.search`."""
        return self.rag(collection).search(query, k, **options)

    def stream(
        self,
        collection: str,
        asked: Asked,
        history: Sequence[Message] = (),
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Iterator[str | Answer]:
        """Like `Rag.stream`, in turn with others. Ends early, without an Answer, once `should_stop` says so.

        Raises:
            TooMuch: too many wait already.
        """
        rag = self.rag(collection, changes=asked.changes)
        try:
            with self.service.turnstile.turn(self.caller.name, should_stop):
                for piece in rag.stream(
                    asked.question, asked.k, history=history, schema=asked.schema, **asked.search
                ):
                    if should_stop():
                        return
                    yield piece
        except Stopped:
            return

    @property
    def conversations(self) -> Conversations:
        """Their own."""
        return Conversations(self._store, self.caller.name)

    def converse(
        self, conversation: Conversation, asked: Asked, stop: threading.Event
    ) -> Iterator[str | Turn]:
        """Ask in a conversation: pieces of the draft, then the turn as it is kept.

        What was written when somebody stops it, or it fails, is kept as such.
        """
        kept = self.conversations
        self.require(conversation.collection, "reader")
        history = kept.history(conversation.id)
        message = kept.ask(conversation.id, asked.question)
        written: list[str] = []
        noted = False
        try:
            for piece in self.stream(conversation.collection, asked, history, stop.is_set):
                if isinstance(piece, Answer):
                    kept.answered(message, piece.text, "done", details_of(piece), documents_of(piece))
                    noted = True
                else:
                    written.append(piece)
                    yield piece
        except RagentError as error:
            noted = True
            kept.answered(message, "", "failed", {"error": error.message, "hint": error.hint})
        finally:
            if not noted:
                kept.answered(message, "".join(written), "stopped", {})
        yield next(turn for turn in kept.turns(conversation.id) if turn.id == message)

    # -- documents --------------------------------------------------------------------------------------

    @property
    def documents(self) -> Documents:
        """Those that they may see."""
        return Documents(self)

    def upload(self, collection: str, name: str, pieces: Iterable[bytes]) -> tuple[Path, list[Failure]]:
        """Keep a file in the home, to be ingested, or the files of a ZIP archive in a folder.

        Raises:
            NotAllowed: they may not.
            TooMuch: it is too large.
            SourceError: its name can't be a file's.
            ParseError: the archive is damaged.
        """
        self.require(collection, "editor")
        most = int(self.service.settings.server.upload_mb * 2**20)
        path = uploads.keep(self.service.home, collection, name, pieces, most)
        return uploads.unpack(path, UnpackLimits(member_bytes=most, total_bytes=10 * most))

    def ingest(self, collection: str, names: Sequence[str], *, force: bool = False) -> Job:
        """Have files and URLs brought in. Raises NotAllowed.

        Only an admin may name files of this machine, other than uploads: the server reads what they can't.
        """
        self.require(collection, "editor")
        for name in names:
            if not self.caller.is_admin and not self._is_open_to_all(name):
                raise NotAllowed(f"{name!r} is not yours to read", hint="upload the file instead")
        asked = {"names": list(names), "force": force}
        return self.service.jobs.add(self.caller.name, collection, "ingest", asked)

    def sync(self, collection: str, *, delete: bool = False) -> Job:
        """Have known sources brought up to date. Raises NotAllowed."""
        self.require(collection, "editor")
        return self.service.jobs.add(self.caller.name, collection, "sync", {"delete": delete})

    def jobs(self) -> list[Job]:
        """The newest ones of the collections that they may know of."""
        return self.service.jobs.of([info.name for info in self.collections()])

    def job(self, id_: str) -> Job:
        """One of them. Raises NotThere."""
        job = self.service.jobs.get(id_)
        if self.role_in(job.collection) is None:
            raise NotThere(f"there is no job {id_!r}")
        return job

    def cancel(self, id_: str) -> None:
        """Have a job end. Raises NotThere, NotAllowed."""
        self.require(self.job(id_).collection, "editor")
        self.service.jobs.cancel(id_)

    def _is_open_to_all(self, name: str) -> bool:
        if urlsplit(name).scheme in {"http", "https"}:
            return True
        return uploads.is_upload(self.service.home, Path(name))
