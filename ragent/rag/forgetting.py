"""Removes documents from everything a home holds, and proves it."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from ragent.config import IndexSettings
from ragent.errors import StoreError
from ragent.llm.states import forget_states
from ragent.rag.exemplars import forget_examples
from ragent.retrieval import open_indexes
from ragent.store import Store
from ragent.store.erase import derived_documents
from ragent.store.proof import SHORTEST, Proof, distinctive, search_everything, without_shared

UPLOADS = "uploads"
"""The folder of a home for files that were uploaded to it: they are its own, and go with their documents."""


@dataclass(frozen=True, slots=True)
class ForgetReport:
    """What was forgotten, as (id, uri), and the search that proves it.

    `listed_again` are those that are still where `sync` reads: it would bring them back.
    """

    forgotten: tuple[tuple[int, str], ...]
    proof: Proof
    listed_again: tuple[str, ...]


def forget(store: Store, names: Sequence[str], settings: IndexSettings) -> ForgetReport:
    """Remove documents, of any collection, from every table, index and file of the home.

    What says that it was made from one of them (`ragent.store.erase.DERIVED_FROM`) goes with it.

    Args:
        store: The home's.
        names: Ids, uris or paths. The name of an archive means all documents that came out of it.
        settings: How indexes are made.

    Raises:
        StoreError: no document has such a name, or another process keeps the database busy.
    """
    found = _with_derived(store, dict(document for name in names for document in _find(store, name)))
    stretches = _stretches(store, found)
    for source in store.all_sources():
        if source.argument in found.values():
            store.drop_source(source.id)
        elif any(uri in (source.cursor or "") for uri in found.values()):
            store.leave_source(source.id, None)  # the web source remembers pages there
    _remove_uploads(store.home, found.values())
    listed_again = _listed_again(store, found)
    forget_examples(store.home / "prompts", [store.document_text(id_) or "" for id_ in found])
    store.erase(list(found))
    _rebuild_indexes(store, settings)
    forget_states(store.home)
    proof = search_everything(store.home, store.database, stretches)
    return ForgetReport(tuple(found.items()), proof, listed_again)


def _listed_again(store: Store, found: dict[int, str]) -> tuple[str, ...]:
    """Those whose source is read by `sync`; of files, those that are still there."""
    read = {source.id for source in store.all_sources()}
    known = [document for one in store.collections() for document in store.known_documents(one.id).values()]
    return tuple(
        document.uri
        for document in known
        if document.id in found and document.source_id in read and not _is_gone(document.item)
    )


def _remove_uploads(home: Path, uris: Iterable[str]) -> None:
    folder = (home / UPLOADS).resolve()
    for uri in uris:
        if not uri.startswith("file:"):
            continue
        path = Path(unquote(urlsplit(uri).path.partition("!/")[0]))
        # A home that was copied from another holds copies of that one's uploads.
        after = [number for number, part in enumerate(path.parts, 1) if part == UPLOADS]
        for upload in (path, *(folder.joinpath(*path.parts[number:]) for number in after)):
            if upload.resolve().is_relative_to(folder) and upload.is_file():
                upload.unlink()


def _is_gone(uri: str) -> bool:
    return uri.startswith("file:") and not Path(unquote(urlsplit(uri).path)).exists()


def _find(store: Store, name: str) -> list[tuple[int, str]]:
    if name.isdecimal() and (uri := store.document_uri(int(name))):
        return [(int(name), uri)]
    file, member, inside = name.partition("!/")
    uri = Path(file).expanduser().absolute().as_uri() + member + quote(inside)
    found = store.find_documents(name) or store.find_documents(uri)
    if not found:
        raise StoreError(
            f"no document {name!r} here",
            hint="name its id, uri or path, as `ragent search --json` shows them",
        )
    return found


def _with_derived(store: Store, found: dict[int, str]) -> dict[int, str]:
    """What was made from them, too, and what was made from that."""
    while True:
        with store.reading() as connection:
            derived = derived_documents(connection, found.values())
        if derived.keys() <= found.keys():
            return found
        found = found | derived


def _stretches(store: Store, forgotten: dict[int, str]) -> list[str]:
    """What stood in the forgotten documents, and in no other."""
    ids = forgotten.keys()
    candidates = [*forgotten.values()]
    for id_, (_, title, text) in store.document_texts():
        if id_ in ids:
            candidates += [title] * (len(title) >= SHORTEST) + distinctive(text)

    def staying() -> Iterator[str]:
        for source in store.all_sources():
            if source.argument not in forgotten.values():
                yield source.argument
        for id_, texts in store.document_texts():
            if id_ not in ids:
                yield from texts

    return without_shared(candidates, staying())


def _rebuild_indexes(store: Store, settings: IndexSettings) -> None:
    """Indexes that only mark what is deleted still hold its words."""
    folder = store.home / "indexes"
    current = set()
    for collection in store.collections():
        if collection.space_id is None or not store.counts(collection.id).chunks:
            continue
        indexes = open_indexes(store, collection, settings)
        current.add(indexes.folder)
        indexes.purge()
    for old in folder.iterdir() if folder.is_dir() else ():
        if old not in current:
            shutil.rmtree(old)
