"""What one person or program may do with a home. Every method checks whether they may."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Unpack

from ragent.errors import ConfigError, NotAllowed, NotThere, StoreError
from ragent.rag import Rag
from ragent.rag.options import SearchArguments
from ragent.service import uploads
from ragent.service.access import Caller, Role, require, require_role, role_in, role_of
from ragent.service.agents import Agents
from ragent.service.conversations import Conversation, Conversations, Turn
from ragent.service.documents import Documents
from ragent.service.jobs import Job
from ragent.service.judging import judge
from ragent.service.people import People
from ragent.service.quality import Quality
from ragent.service.turns import Stopped
from ragent.store import Store, listing, people
from ragent.types import Answer, Failure, Message, SearchResult, UnpackLimits

if TYPE_CHECKING:
    from ragent.service.service import Service

Changes = Mapping[str, Mapping[str, Any]]

_NO_CHANGES: Changes = {}
_LONGEST_NAME = 100
_SECRET = "***"  # noqa: S105  (stands where a source's secret is filled in)


class Stop(Protocol):
    """Says whether somebody stopped it: a threading.Event does."""

    def is_set(self) -> bool:
        """Whether it is to end."""


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
        with self._store.reading() as connection:
            found = listing.count_all(connection)
            grants = people.all_grants(connection)
        infos = []
        for name in sorted({self.service.settings.collection, *found, *grants}):
            role = role_in(self.caller, name, grants.get(name, {}))
            if role is not None:
                infos.append(CollectionInfo(name, role, *found.get(name, (0, 0))))
        return infos

    def claim(self, collection: str) -> None:
        """Make a collection that doesn't exist yet one's own, before anything is put in.

        Raises:
            NotAllowed: a reader may not, nor may anybody take one that is there.
            ConfigError: the name won't do.
        """
        require_role(self.caller.role, "editor")
        if self.caller.collections is not None and collection not in self.caller.collections:
            raise NotAllowed(f"this key isn't for a collection {collection!r}")
        if not collection.strip() or len(collection) > _LONGEST_NAME or not collection.isprintable():
            raise ConfigError(f"{collection!r} can't be a collection's name", hint="letters, up to 100")
        with self._store.writing() as connection:
            claimed = people.grants_of(connection, collection)
            if claimed or self._store.find_collection(collection) is not None:
                raise NotAllowed(f"the collection {collection!r} is there already")
            people.set_grant(connection, collection, self.caller.name, "admin")

    def grants(self, collection: str) -> dict[str, str]:
        """Who may do what in a collection; empty where it is everybody's. Raises NotAllowed, NotThere."""
        self.require(collection, "admin")
        with self._store.reading() as connection:
            return people.grants_of(connection, collection)

    def share(self, collection: str, person: str, role: Role | None) -> None:
        """Give somebody a role in a collection, or none. One that was everybody's is then for those alone.

        Raises:
            NotAllowed: they may not, or nobody would be left who sees to it.
            NotThere: there is no such collection or person.
        """
        self.require(collection, "admin")
        with self._store.writing() as connection:
            unknown = people.find_person(connection, person) is None
            if role and unknown and self.service.settings.server.sign_in != "header":
                raise NotThere(f"nobody is called {person!r}")
            before = people.grants_of(connection, collection)
            after = {name: have for name, have in before.items() if name != person}
            if not before and role and self.caller.name:
                after[self.caller.name] = "admin"
            if role:
                after[person] = role_of(role)
            if before and "admin" not in after.values():
                raise NotAllowed("nobody would be left who sees to it", hint="make another its admin first")
            people.drop_grants(connection, collection)
            for name, have in after.items():
                people.set_grant(connection, collection, name, have)

    def open_to_all(self, collection: str) -> None:
        """Make a collection everybody's, each by their own role. Raises NotAllowed, NotThere."""
        self.require(collection, "admin")
        with self._store.writing() as connection:
            people.drop_grants(connection, collection)

    @property
    def people(self) -> People:
        """The people of this home and their keys. Raises NotAllowed unless an admin asks, without a key."""
        require_role(self.caller.role, "admin")
        if self.caller.collections is not None:
            raise NotAllowed("a key for some collections doesn't see to people")
        return self.service.people

    def change_password(self, old: str, new: str) -> None:
        """Take another password. Raises NotSignedIn for a wrong old one, and ConfigError for a short one."""
        self.service.people.sign_in(self.caller.name, old)
        self.service.people.change(self.caller.name, password=new or " ")

    def require(self, collection: str, wanted: Role) -> Role:
        """Raises NotThere for a collection that they may not know of, NotAllowed where they are less."""
        have = self.role_in(collection)
        require(have, wanted, collection)
        return wanted if have is None else have

    def require_known(self, collection: str) -> None:
        """Raises NotThere for a collection that isn't, in the words for one that they may not know of."""
        self.require(collection, "reader")
        if collection not in {info.name for info in self.collections()}:
            raise NotThere(f"there is no collection {collection!r}")

    def rag(self, collection: str, wanted: Role = "reader", changes: Changes = _NO_CHANGES) -> Rag:
        """The library over a collection, for what needs that role. Raises as `require`, and ConfigError."""
        self.require(collection, wanted)
        return self.service.rag_under(collection, changes)

    def filled(self, collection: str, changes: Changes = _NO_CHANGES) -> Rag:
        """Like `rag`, for readers. Raises NotThere where nothing is in the collection yet, too."""
        rag = self.rag(collection, changes=changes)
        try:
            _ = rag.collection
        except StoreError:
            found = self._store.find_collection(collection)
            if found is not None and self._store.counts(found.id).chunks:
                raise
            self.require_known(collection)
            raise NotThere(f"the collection {collection!r} is empty", hint="ingest something") from None
        return rag

    # -- asking -----------------------------------------------------------------------------------------

    def search(self, collection: str, query: str, k: int, **options: Unpack[SearchArguments]) -> SearchResult:
        """Like `Rag.search`. Raises NotThere where nothing is in the collection yet, too."""
        return self.filled(collection).search(query, k, **options)

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
            NotThere: there is no such collection, or nothing is in it yet.
        """
        rag = self.filled(collection, asked.changes)
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
        return Conversations(self._store, self.caller.name, self.caller.collections)

    def converse(self, conversation: Conversation, asked: Asked, stop: Stop) -> Iterator[str | Turn]:
        """Ask in a conversation: pieces of the draft, then the turn as it is kept.

        What was written when somebody stops it, or it fails, is kept as such.
        """
        self.require(conversation.collection, "reader")
        yield from self.conversations.converse(
            conversation.id,
            asked.question,
            lambda history: self.stream(conversation.collection, asked, history, stop.is_set),
        )

    @property
    def agents(self) -> Agents:
        """The agents that may work for them."""
        return Agents(self)

    @property
    def quality(self) -> Quality:
        """What they may see of how well it works."""
        return Quality(self)

    def judge(
        self, conversation_id: str, turn_id: str, rating: int, *, comment: str = "", correction: str = ""
    ) -> str:
        """Keep what they think of an answer, like `ragent.service.judging.judge`: the feedback's id."""
        return judge(self, conversation_id, turn_id, rating, comment=comment, correction=correction)

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

        Only an admin may name files of this machine, other than uploads, and give options or secrets to a
        source: the server reaches what they can't.
        """
        self.require(collection, "editor")
        for name in names:
            if not self._may_read_this_machine and not self._is_open_to_all(collection, name):
                raise NotAllowed(
                    f"{name!r} is not yours to read", hint="upload the file, or name a page by its plain URL"
                )
        asked = {"names": list(names), "force": force}
        return self.service.jobs.add(self.caller.name, collection, "ingest", asked)

    def sync(self, collection: str, *, delete: bool = False, dry_run: bool = False) -> Job:
        """Have known sources brought up to date, or with `dry_run` only looked at. Raises NotAllowed."""
        self.require_known(collection)
        self.require(collection, "editor")
        asked = {"delete": delete, "dry_run": dry_run}
        return self.service.jobs.add(self.caller.name, collection, "sync", asked)

    def sources(self, collection: str) -> list[str]:
        """Where a collection's documents come from, uploads excepted, secrets left out. Raises NotAllowed."""
        self.require(collection, "editor")
        found = self._store.find_collection(collection)
        known = self._store.known_sources(found.id) if found else []
        own = (self.service.home / uploads.UPLOADS).resolve().as_uri() + "/"
        return [source.argument for source in known if not source.argument.startswith(own)]

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

    @property
    def _may_read_this_machine(self) -> bool:
        # A key for some collections would otherwise read the files of all.
        return self.caller.is_admin and self.caller.collections is None

    def _is_open_to_all(self, collection: str, name: str) -> bool:
        if name.lower().startswith(("http://", "https://")):
            # Options of a source stand behind the #, and its secrets are this machine's.
            return "=" not in name.partition("#")[2] and _SECRET not in name
        return uploads.is_upload(self.service.home, collection, Path(name))
