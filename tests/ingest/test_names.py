from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import inspect

from ragent.index.names import decode_names, key_of
from ragent.ingest.work import Task, Work
from ragent.rag import Rag
from ragent.store import Store
from ragent.types import RawDocument
from tests.ingest import faking
from tests.making import FINGERPRINT, new_document

OF_BEFORE_NAMES = {
    *("alembic_version", "collections", "spaces", "documents", "chunks", "vectors", "tombstones"),
    *("sources", "signatures", "bands", "duplicates"),
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def held(store: Store) -> dict[int, bytes | None]:
    with store.snapshot(store.require_collection("default")) as snapshot:
        return {chunk: data for rows in snapshot.named() for chunk, _, data in rows}


def test_a_reader_names_each_chunk() -> None:
    work = Work(faking.parse, faking.Lines())
    raw = RawDocument("a", "a", b"we met Nils Halvorsen there\nand saw the harbour of Bergen")
    (piece,) = work.pieces(Task(raw))
    first, second = (decode_names(data) for data in piece.names)
    assert first is not None
    assert second is not None
    assert key_of("nils halvorsen") in first
    assert key_of("bergen") in second
    assert key_of("bergen") not in first


def test_what_is_ingested_has_names_and_what_is_forgotten_has_none(tmp_path: Path, home: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.txt").write_text("The crane was built by Nils Halvorsen.")
    (docs / "b.txt").write_text("The ferry was built by Astrid Lund.")
    with Rag.open(home) as rag:
        assert rag.ingest(docs).added == 2
        assert all(held(rag.store).values())
        assert rag.fsck() == []
        kept = held(rag.store)
        report = rag.forget(docs / "a.txt")
        assert report.proof.found == ()
        assert len(held(rag.store)) == 1
        assert held(rag.store).items() <= kept.items()
        gone = key_of("nils halvorsen").to_bytes(8, "little", signed=True)
        assert all(gone not in file.read_bytes() for file in home.rglob("*") if file.is_file())


def test_a_home_of_before_names_opens_and_gets_them(home: Path) -> None:
    with Store.open(home) as store:
        collection = store.ensure_collection("default", FINGERPRINT)
        store.write(collection, [new_document("a", ["built by Nils Halvorsen in the year 1962"])])
        with store._writer.begin() as connection:
            for name in inspect(connection).get_table_names():
                if name not in OF_BEFORE_NAMES:
                    connection.exec_driver_sql(f"DROP TABLE {name}")
            connection.exec_driver_sql("DROP INDEX ix_documents_item")
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0002'")
    from ragent.retrieval.techniques.naming import renew_names

    with Store.open(home) as store:
        assert list(held(store).values()) == [None]
        renew_names(store, store.require_collection("default"))
        (data,) = held(store).values()
        assert data is not None
        names = decode_names(data)
        assert names is not None
        assert key_of("nils halvorsen") in names
        assert store.check() == []
