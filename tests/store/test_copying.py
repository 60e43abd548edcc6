"""A home that moves between databases is the same home."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import inspect

from ragent.agent import SavedRuns
from ragent.errors import ConfigError, StoreError
from ragent.store import Batch, Duplicate, Move, Store
from ragent.store.check import check_database
from ragent.store.conversations import add_conversation, add_message
from ragent.store.copying import contents, copy_database
from ragent.store.describing import describe
from ragent.store.feedback import add_feedback
from ragent.store.places import Place, copy_files, find_place
from tests.agent.scripted import Scripted, answer, call
from tests.agent.test_loop import add
from tests.databases import query
from tests.making import FINGERPRINT, HashedWords, new_document

EXAMPLES = int(os.environ.get("RAGENT_COPYING_EXAMPLES", "6"))
TEXTS = st.text("aé\x00\u2028😀'\"\\ %", min_size=1, max_size=8).filter(str.strip)
NUMBERS = st.integers(-(2**62), 2**62) | st.floats(allow_nan=False) | st.sampled_from([1e20, -0.0, 1e-300])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(["default", "law", "Ähre"])
URIS = st.sampled_from(["file:///a", "file:///b", "mail:c"])
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), NAMES, URIS, st.lists(TEXTS, min_size=1, max_size=3), VALUES),
        st.tuples(st.just("remove"), NAMES, URIS),
        st.tuples(st.just("move"), NAMES, URIS, TEXTS),
        st.tuples(st.just("source"), NAMES, TEXTS),
        st.tuples(st.just("talk"), NAMES, TEXTS, VALUES),
        st.tuples(st.just("like"), NAMES, TEXTS, VALUES),
        st.tuples(st.just("run"), TEXTS),
    ),
    min_size=1,
    max_size=8,
)


def apply(store: Store, operation: tuple[Any, ...], number: int) -> None:
    match operation:
        case ("run", task):
            from ragent.agent import Agent

            script = Scripted([call("add", "thought", a=1, b=2), answer("3")])
            Agent(script, [add], runs=SavedRuns(store, {"tools": ["add"]})).run(task.replace("\x00", "0"))
            return
    kind, name, *rest = operation
    collection = store.ensure_collection(name, FINGERPRINT)
    known = store.known_documents(collection.id)
    match kind, *rest:
        case "write", uri, texts, value:
            new = new_document(uri, texts, title=texts[0])
            document = replace(new.document, metadata={"value": value})
            original = next((other for other in known if other != uri), None)
            repeats = Duplicate(original, 0.75) if original else None
            likeness: dict[str, Any] = {"signature": b"\0\1", "bands": (7, -(2**63)), "duplicate": repeats}
            store.write(
                collection, [replace(new, document=document, names=(b"\xff",) * len(texts), **likeness)]
            )
        case "remove", uri if uri in known:
            store.remove(collection, [known[uri].id])
        case "move", uri, title if uri in known:
            store.apply(collection, Batch(moved=[Move(known[uri].id, uri, title, "2", None)]))
        case "source", argument:
            source = store.remember_source(collection, argument)
            store.drop_source(source) if number % 2 else store.leave_source(source, argument)
        case "talk", said, value:
            with store.writing() as connection:
                named = {"id": f"c{number}", "owner": "ann", "collection": name, "title": said}
                add_conversation(connection, named)
                message = {"id": f"m{number}", "conversation_id": f"c{number}", "role": "user"}
                rest_of = {"content": said, "state": "done", "details": value, "documents": [1]}
                add_message(connection, message | rest_of)
        case "like", said, value:
            with store.writing() as connection:
                row = dict.fromkeys(("owner", "comment", "correction", "trace_id"), "")
                told = {"id": f"f{number}", "question": said, "answer": {"read": [], "value": value}}
                add_feedback(connection, {**row, **told, "collection": name, "rating": 1})


def counters(store: Store) -> list[int]:
    """The ids that the next rows get: nothing is left of those who asked."""
    collection = store.ensure_collection("default", FINGERPRINT)
    source = store.remember_source(collection, "a new one")
    store.write(collection, [new_document("a new one", ["a new one"])])
    (document,) = (id_ for id_, uri in store.find_documents("a new one"))
    return [collection.id, source, document, *store.chunks_of([document])]


def empty(store: Store) -> None:
    with store.database.engine.begin() as connection:
        names = set(inspect(connection).get_table_names()) - {"alembic_version"}
        connection.exec_driver_sql(f"TRUNCATE {', '.join(names)} RESTART IDENTITY CASCADE")


def nearest(store: Store) -> dict[str, list[list[int]]]:
    """What a search by vectors and one by filter find in each collection."""
    found = {}
    asked = HashedWords().embed_queries(["aé"])[0]
    for collection in store.collections():
        with store.snapshot(collection) as snapshot:
            ids = snapshot.live()
        scores = store.chunk_vectors(collection, ids.tolist()) @ asked
        found[collection.name] = [ids[scores.argsort(kind="stable")].tolist(), scores.tolist()]
    return found


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.generate],  # a smaller example would take too long to find
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(OPERATIONS)
def test_a_home_copied_there_and_back_is_itself(
    postgresql_url: str, operations: list[tuple[Any, ...]]
) -> None:
    with ExitStack() as stack:
        one, two = (Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(2))
        first = stack.enter_context(Store.open(one))
        there = stack.enter_context(Store.open(one, postgresql_url))
        back = stack.enter_context(Store.open(two))
        empty(there)
        for number, operation in enumerate(operations):
            apply(first, operation, number)
        if not any(content.rows for content in contents(first.database).values()):
            return
        copied = copy_database(first.database, there.database)
        assert copied.tables == {name: held.rows for name, held in contents(first.database).items()}
        copy_database(there.database, back.database)
        assert contents(first.database) == contents(there.database) == contents(back.database)
        assert nearest(first) == nearest(there) == nearest(back)
        assert first.check() == there.check() == back.check() == []
        assert counters(first) == counters(there) == counters(back)


def filled(home: Path, url: str = "", documents: int = 3) -> Store:
    store = Store.open(home, url)
    collection = store.ensure_collection("default", FINGERPRINT)
    store.write(collection, [new_document(f"file:///{n}", ["one", f"two {n}"]) for n in range(documents)])
    store.remove(collection, [documents])
    return store


def test_nothing_is_copied_over_something(tmp_path: Path, store: Store) -> None:
    with filled(tmp_path / "from") as source:
        store.remember_source(store.ensure_collection("default", FINGERPRINT), "file:///x")
        with pytest.raises(StoreError, match="isn't empty: it has collections, sources, spaces"):
            copy_database(source.database, store.database)
    assert store.find_documents("file:///0") == []


def test_an_empty_source_is_hardly_meant(tmp_path: Path, store: Store) -> None:
    with Store.open(tmp_path / "from") as source, pytest.raises(StoreError, match="nothing to copy"):
        copy_database(source.database, store.database)


def test_what_somebody_else_writes_meanwhile_is_found_out(tmp_path: Path, postgresql_url: str) -> None:
    with filled(tmp_path / "from") as source, Store.open(tmp_path / "to", postgresql_url) as store:

        def meddle(what: str, done: int, total: int) -> None:
            if what == "copying" and done == total:
                with store.database.engine.begin() as connection:
                    connection.exec_driver_sql("INSERT INTO grants VALUES ('default', 'ann', 'reader')")

        with pytest.raises(StoreError, match="grants was copied wrongly: 1 rows of 0"):
            copy_database(source.database, store.database, meddle)
        assert store.collections() == []


def test_a_snapshot_is_copied(tmp_path: Path, store: Store) -> None:
    with filled(tmp_path / "from") as source:
        collection = source.require_collection("default")

        def write_more(what: str, done: int, total: int) -> None:
            source.write(collection, [new_document(f"later:{what}:{done}", ["later"])])

        before = contents(source.database)
        copy_database(source.database, store.database, write_more)
        assert contents(store.database) == before
        assert contents(source.database) != before


_VICTIM = """
import os, signal, sys
from ragent.store.copying import copy_database
from ragent.store.places import find_place

def die(what, done, total):
    if (what == sys.argv[3]) and done > 0:
        os.kill(os.getpid(), signal.SIGKILL)

with find_place(sys.argv[1]).opened() as source, find_place(sys.argv[2]).opened() as target:
    copy_database(source, target, die)
"""


@pytest.mark.parametrize("phase", ["copying", "comparing"])
def test_a_copy_that_is_killed_leaves_the_target_empty(tmp_path: Path, store_url: str, phase: str) -> None:
    filled(tmp_path / "from").close()
    target = store_url or str(tmp_path / "to")
    command = [sys.executable, "-c", _VICTIM, str(tmp_path / "from"), target, phase]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    with find_place(str(tmp_path / "from")).opened() as source, find_place(target).opened() as taking:
        assert not any(content.rows for content in contents(taking).values())
        copy_database(source, taking)
        assert contents(source) == contents(taking)
        assert list(check_database(taking)) == []


def test_a_place_is_a_folder_or_a_url_and_never_shows_a_password(tmp_path: Path) -> None:
    url = "postgresql+psycopg://ann:hunter2@db.example/ragent?sslmode=require&password=hunter3"
    assert find_place(str(tmp_path)) == Place(tmp_path)
    (tmp_path / "ragent.toml").write_text(f'[store]\nurl = "{url}"\n')
    for place in (find_place(url), find_place(str(tmp_path))):
        assert place.url == url
        assert "hunter" not in place.shown
        assert "sslmode=require" in place.shown
    assert str(tmp_path) in find_place(str(tmp_path)).shown
    with pytest.raises(ConfigError, match="'sqlite' isn't supported"):
        find_place("sqlite:///home/ragent.db")
    (tmp_path / "ragent.toml").write_text("[store\n")
    with pytest.raises(ConfigError, match="can't read"):
        find_place(str(tmp_path))
    with pytest.raises(StoreError, match=r"holds no ragent\.db"):
        Place(tmp_path / "nowhere").require_home()


def test_the_files_of_a_home_come_along_and_overwrite_nothing(tmp_path: Path) -> None:
    source, target = tmp_path / "from", tmp_path / "to"
    for name in ("ragent.db", "ragent.db-wal", "indexes/x", "cache/y", "prompts/ask.md", "uploads/d/a.txt"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name)
    (source / "ragent.toml").write_text('[store]\nurl = ""\n')
    (target / "prompts").mkdir(parents=True)
    (target / "prompts" / "ask.md").write_text("mine")
    assert copy_files(source, target) == ["ragent.toml", "uploads"]
    assert (target / "prompts" / "ask.md").read_text() == "mine"
    assert sorted(path.name for path in target.rglob("*")) == [
        *("a.txt", "ask.md", "d", "prompts", "ragent.toml", "uploads")
    ]
    (source / "ragent.toml").write_text('[store]\nurl = "postgresql://db/ragent"\n')
    assert copy_files(source, tmp_path) == ["prompts", "uploads"]


def test_a_database_is_described(store: Store) -> None:
    store.ensure_collection("default", FINGERPRINT)
    described = describe(store.database)
    assert described.kind.startswith("PostgreSQL" if store.database.is_postgresql else "SQLite")
    assert described.tables["collections"] == 1
    assert described.bytes > 1000
    assert query(store, "SELECT version_num FROM alembic_version") == [(described.schema,)]
