"""init, models, index, fsck, help."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.cli.conftest import DOCUMENTS, Ragent


def test_help_teaches(ragent: Ragent) -> None:
    ran = ragent("--help")
    assert ran.code == 0
    for verb in ("init", "ingest", "search", "ask", "models", "index", "fsck", "eval"):
        assert verb in ran.out


def test_init_writes_settings_that_are_read(ragent: Ragent, tmp_path: Path) -> None:
    assert ragent("init").code == 0
    path = tmp_path / "ragent.toml"
    assert ragent("init").code == 2
    path.write_text(
        path.read_text().replace("# kind = ", "kind = ").replace('kind = "auto"', 'kind = "magic"')
    )
    ran = ragent("search", "x")
    assert ran.code == 2
    assert "index.kind" in ran.err


def test_models_list_shows_the_bundled_one(ragent: Ragent) -> None:
    model, *known = ragent("models", "list", "--json").json
    assert {model["kind"] for model in known} == {"known"}
    assert model["name"] == "smollm2-135m"
    assert model["context_tokens"] >= 2048


@pytest.mark.slow
def test_models_doctor_finds_every_engine_running(ragent: Ragent) -> None:
    ran = ragent("models", "doctor", "--json")
    assert {probe["name"]: probe["ok"] for probe in ran.json} == dict.fromkeys(
        ["llamacpp", "openvino", "faiss", "tantivy", "sentence-transformers", "sqlite"], True
    )
    assert ran.code == 0


def test_the_index_is_fresh_after_ingest_and_mends_itself(ragent: Ragent, tmp_path: Path) -> None:
    assert ragent("ingest", DOCUMENTS / "price-list.html").code == 0
    info = ragent("index", "info", "--json").json
    assert info["dense"]["kind"] == "flat"
    assert info["dense"]["why"].startswith("auto, ")
    assert info["dense"]["state"] == "fresh"
    before = ragent("search", "fare for a bicycle", "--json").json["hits"]
    index = next((tmp_path / "home" / "indexes").rglob("*.index"))
    index.write_bytes(b"damaged" * 100)
    assert ragent("search", "fare for a bicycle", "--json").json["hits"] == before
    assert ragent("index", "rebuild", "--json").json["dense"]["state"] == "fresh"


def test_fsck_finds_a_forged_text(ragent: Ragent, tmp_path: Path) -> None:
    ragent("ingest", DOCUMENTS / "price-list.html")
    assert ragent("fsck", "--json").json == {"sound": True, "problems": []}
    with sqlite3.connect(tmp_path / "home" / "ragent.db") as database:
        database.execute("UPDATE chunks SET text = 'forged' WHERE id = 1")
    ran = ragent("fsck")
    assert ran.code == 1
    assert "isn't what stands at its offsets" in ran.out
    assert ragent("ingest", "--force", DOCUMENTS / "price-list.html").code == 0
    assert ragent("fsck").code == 0
