from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragent.store import Collection, Store
from ragent.store.proof import distinctive, search_everything, search_files, without_shared
from tests.making import new_document


@given(st.text())
def test_stretches_stand_in_the_text_and_every_text_with_words_has_one(text: str) -> None:
    stretches = distinctive(text)
    assert all(stretch in text for stretch in stretches)
    assert bool(stretches) == bool(text.strip())
    assert len(stretches) <= 32


def test_stretches_come_from_all_over_a_long_text() -> None:
    text = "\n".join(f"line number {i} of a long text" for i in range(1000))
    numbers = [int(stretch.split()[2]) for stretch in distinctive(text)]
    assert len(numbers) == 32
    assert numbers[0] < 50
    assert numbers[-1] > 900


def test_what_stays_elsewhere_is_no_leak() -> None:
    assert without_shared(["mine alone", "shared words"], ["some shared words here"]) == ["mine alone"]


@pytest.mark.parametrize(
    "written",
    [
        "Größe „vierzehn“".encode(),
        "Größe „vierzehn“".encode("utf-16-le"),
        json.dumps("Größe „vierzehn“").encode(),
    ],
    ids=["utf-8", "utf-16", "json"],
)
def test_a_leak_is_found_in_whatever_form(tmp_path: Path, written: bytes) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "log").write_bytes(b"before " + written + b" after")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "clean").write_bytes(b"nothing here")
    proof = search_files(tmp_path, ["Größe „vierzehn“"])
    assert proof.found == ("sub/log",)
    assert proof.files_searched == 3


def test_a_leak_is_found_in_the_database_wherever_it_is(store: Store, collection: Collection) -> None:
    words = 'the "quaint" trawler of Größe'
    store.write(collection, [new_document("file:///a", [words])])
    clean = search_everything(store.home, store.database, ["the quiet trawler"])
    proof = search_everything(store.home, store.database, [words])
    assert clean.found == ()
    if store.database.is_postgresql:
        assert proof.found == ("table chunks", "table documents")
        assert proof.rows_searched > 4
        with store.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE documents")
        assert proof.found != search_everything(store.home, store.database, ["file:///a"]).found
    else:
        assert proof.found
        assert proof.rows_searched == 0
