from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import DOCUMENTS, Ragent
from tests.commands import environment


def write_notes(folder: Path, count: int) -> None:
    folder.mkdir()
    for index in range(count):
        paragraphs = [
            f"Note {index}, paragraph {line}: the {line * index} boxes are blue." for line in range(12)
        ]
        (folder / f"note-{index:03}.txt").write_text("\n\n".join(paragraphs))


def test_the_report_and_what_is_unchanged(ragent: Ragent, tmp_path: Path) -> None:
    write_notes(tmp_path / "notes", 3)
    first = ragent("ingest", "notes", "--json")
    assert first.code == 0
    assert {**first.json, "seconds": 0, "chunks": 0, "embedded": 0} == {
        "added": 3,
        "updated": 0,
        "unchanged": 0,
        "moved": 0,
        "deleted": 0,
        "duplicates": 0,
        "failed": [],
        "chunks": 0,
        "embedded": 0,
        "seconds": 0,
        "interrupted": False,
    }
    assert first.json["chunks"] >= 3
    (tmp_path / "notes" / "note-001.txt").write_text("Something else.")
    second = ragent("ingest", "notes", "--json").json
    assert (second["added"], second["updated"], second["unchanged"]) == (0, 1, 2)
    assert ragent("fsck").code == 0


def test_one_bad_file_stops_nothing(ragent: Ragent, tmp_path: Path) -> None:
    write_notes(tmp_path / "notes", 1)
    (tmp_path / "notes" / "empty.md").write_bytes(b"")
    (tmp_path / "notes" / "binary.txt").write_bytes(bytes(range(256)) * 20)
    (tmp_path / "notes" / "cut.pdf").write_bytes(b"%PDF-1.7\n1 0 obj\n<<")
    ran = ragent("ingest", "notes", "nowhere", "--json")
    assert ran.code == 3
    assert ran.json["added"] == 1
    failed = {failure["uri"].rpartition("/")[2]: failure["error"] for failure in ran.json["failed"]}
    assert set(failed) == {"empty.md", "binary.txt", "cut.pdf", "nowhere"}
    assert "empty" in failed["empty.md"]
    assert "unknown format" in failed["binary.txt"]


def test_nothing_but_failures_is_a_failure(ragent: Ragent, tmp_path: Path) -> None:
    ran = ragent("ingest", "nowhere")
    assert ran.code == 1
    assert "nowhere" in ran.err


def test_a_home_that_is_a_file(ragent: Ragent, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    write_notes(tmp_path / "notes", 1)
    ran = ragent("ingest", "notes", "--json")
    assert ran.code == 1
    assert ran.json["error"]["type"] == "StoreError"
    assert "name a folder with --home" in ran.err


def start(tmp_path: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "ragent.cli", "--home", str(tmp_path / "home"), *arguments]
    return subprocess.Popen(
        command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.slow
def test_ctrl_c_keeps_whole_batches_and_says_how_to_go_on(ragent: Ragent, tmp_path: Path) -> None:
    write_notes(tmp_path / "notes", 200)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "ragent.toml").write_text("[ingest]\nbatch_chunks = 4\n")
    child = start(tmp_path, "ingest", "notes")
    database = tmp_path / "home" / "ragent.db"
    deadline = time.monotonic() + 60
    while not (database.exists() and committed(database)) and time.monotonic() < deadline:
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "Run the same command to go on" in err
    kept = committed(database)
    assert 0 < kept < 200
    assert ragent("ingest", "notes", "--json").json["added"] == 200 - kept


def committed(database: Path) -> int:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return int(connection.execute("SELECT count(*) FROM documents").fetchone()[0])
    except sqlite3.OperationalError:
        return 0
    finally:
        connection.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read(ragent: Ragent, tmp_path: Path) -> None:
    write_notes(tmp_path / "notes", 1)
    locked = tmp_path / "notes" / "locked"
    locked.mkdir(mode=0o000)
    try:
        ran = ragent("ingest", "notes", "--json")
    finally:
        locked.chmod(0o700)
    assert ran.code == 3
    assert "locked" in ran.json["failed"][0]["uri"]


def test_the_samples_have_pages_where_the_format_has(harbour: Ragent) -> None:
    hits = harbour("search", "pilot boat VHF channel", "--json").json["hits"]
    pages = {hit["page"] for hit in hits if hit["uri"].endswith(".pdf")}
    assert pages
    assert None not in pages
    assert DOCUMENTS.as_uri() in hits[0]["uri"]
