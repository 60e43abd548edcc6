from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Ragent, run_ragent
from tests.cli.test_ingest import start, write_notes
from tests.commands import environment


def test_sync_follows_changed_moved_new_and_deleted_files(ragent: Ragent, tmp_path: Path) -> None:
    write_notes(tmp_path / "notes", 6)
    assert ragent("ingest", "notes").code == 0
    notes = tmp_path / "notes"
    (notes / "sub").mkdir()
    (notes / "note-000.txt").rename(notes / "sub" / "note-000.txt")
    (notes / "note-001.txt").write_text("Another text.")
    (notes / "note-002.txt").unlink()
    (notes / "new.txt").write_text("A new text.")
    plan = ragent("sync", "--dry-run")
    assert plan.code == 0
    for line in (
        "moved     notes/sub/note-000.txt (notes/note-000.txt before)",
        "updated   notes/note-001.txt",
        "gone      notes/note-002.txt (kept without --delete)",
        "added     notes/new.txt",
    ):
        assert line in plan.out.splitlines()
    report = ragent("sync", "--delete", "--json").json
    counts = {name: report[name] for name in ("added", "updated", "unchanged", "moved", "deleted")}
    assert counts == {"added": 1, "updated": 1, "unchanged": 3, "moved": 1, "deleted": 1}
    again = ragent("sync", "--json").json
    assert (again["unchanged"], again["chunks"]) == (6, 0)
    assert ragent("fsck").code == 0


def test_a_file_that_was_named_and_is_gone_is_deleted_on_demand(ragent: Ragent, tmp_path: Path) -> None:
    write_notes(tmp_path / "notes", 2)
    (tmp_path / "single.txt").write_text("A single file.")
    ragent("ingest", "notes", "single.txt")
    (tmp_path / "single.txt").unlink()
    assert ragent("sync", "--json").json["deleted"] == 0
    assert ragent("sync", "--delete", "--json").json["deleted"] == 1
    assert ragent("sync", "--json").json["unchanged"] == 2


def test_a_source_that_was_never_there_is_not_remembered(ragent: Ragent, tmp_path: Path) -> None:
    write_notes(tmp_path / "notes", 1)
    assert ragent("ingest", "notes", "nowhere").code == 3
    assert ragent("sync", "--json").json["failed"] == []


def test_sync_before_any_ingestion_says_what_to_do(ragent: Ragent) -> None:
    ran = ragent("sync")
    assert ran.code == 1
    assert "ragent ingest PATH" in ran.err


def test_reports_name_each_document(ragent: Ragent, tmp_path: Path) -> None:
    write_notes(tmp_path / "notes", 2)
    (tmp_path / "notes" / "bad.pdf").write_bytes(b"%PDF-1.7 cut")
    assert ragent("ingest", "notes", "--report", "report.html").code == 3
    page = (tmp_path / "report.html").read_text()
    assert "bad.pdf" in page
    assert "note-001.txt" in page
    ragent("sync", "--report", "report.json")
    statuses = {
        one["uri"].rpartition("/")[2]: one["status"]
        for one in json.loads((tmp_path / "report.json").read_text())["documents"]
    }
    assert statuses == {"bad.pdf": "failed", "note-000.txt": "unchanged", "note-001.txt": "unchanged"}
    assert ragent("ingest", "notes", "--report", "report.txt").code == 2


def test_a_forgotten_document_is_in_no_file_of_the_home(ragent: Ragent, tmp_path: Path) -> None:
    write_notes(tmp_path / "notes", 3)
    secret = "The vermilion lamp hangs in locker fourteen."
    (tmp_path / "notes" / "secret.txt").write_text(f"{secret}\n\nA shared line of text.")
    (tmp_path / "notes" / "note-000.txt").write_text("A shared line of text.\n\nAnd more.")
    ragent("ingest", "notes")
    home = tmp_path / "home"
    assert any(secret.encode() in path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert ragent("search", "vermilion lamp", "--json").json["hits"][0]["uri"].endswith("secret.txt")
    ran = ragent("forget", "notes/secret.txt", "--json")
    assert ran.code == 0
    assert ran.json["found"] == []
    assert ran.json["files_searched"] >= 5
    assert ran.json["stretches"] >= 2
    assert [one["uri"].rpartition("/")[2] for one in ran.json["forgotten"]] == ["secret.txt"]
    assert len(ran.json["listed_again"]) == 1
    for path in home.rglob("*"):
        assert not path.is_file() or b"vermilion" not in path.read_bytes()
    assert ragent("fsck").code == 0
    hits = ragent("search", "vermilion lamp", "--json").json["hits"]
    assert all("vermilion" not in hit["text"] for hit in hits)


def test_a_leak_is_told(ragent: Ragent, tmp_path: Path) -> None:
    write_notes(tmp_path / "notes", 2)
    ragent("ingest", "notes")
    (tmp_path / "home" / "my.log").write_text("Note 1, paragraph 3: the 3 boxes are blue.")
    ran = ragent("forget", "notes/note-001.txt", "--json")
    assert ran.code == 1
    assert ran.json["found"] == ["my.log"]


def test_everything_can_be_forgotten(ragent: Ragent, tmp_path: Path) -> None:
    write_notes(tmp_path / "notes", 1)
    ragent("ingest", "notes/note-000.txt")
    assert ragent("forget", "1").code == 0
    assert ragent("sync").code == 1
    assert not list((tmp_path / "home" / "indexes").iterdir())
    assert "no document" in ragent("forget", "notes/note-000.txt").err


def follow(child: subprocess.Popen[str]) -> dict[str, int]:
    assert child.stdout
    report = json.loads(child.stdout.readline())
    return {
        name: report[name] for name in ("added", "updated", "unchanged", "moved", "deleted") if report[name]
    }


@pytest.mark.slow
def test_watch_keeps_in_step_until_it_is_interrupted(ragent: Ragent, tmp_path: Path) -> None:
    write_notes(tmp_path / "notes", 2)
    child = start(tmp_path, "watch", "notes", "--delete", "--json")
    try:
        assert follow(child) == {"added": 2}
        time.sleep(1)  # the watch begins after the first report
        (tmp_path / "notes" / "new.txt").write_text("A new text.")
        assert follow(child) == {"added": 1, "unchanged": 2}
        (tmp_path / "notes" / "new.txt").unlink()
        assert follow(child) == {"unchanged": 2, "deleted": 1}
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=30)
        assert child.returncode == 0, err
        assert "Traceback" not in err
    finally:
        child.kill()
        child.communicate()
    assert ragent("fsck").code == 0


def test_a_script_without_a_main_guard_can_ingest(tmp_path: Path) -> None:
    write_notes(tmp_path / "notes", 3)
    script = tmp_path / "script.py"
    script.write_text("from ragent import Rag\nprint(Rag.open('home').ingest('notes').added)\n")
    ran = subprocess.run(
        [sys.executable, script], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert ran.stdout == "3\n", ran.stderr


def test_a_member_of_an_archive_is_forgotten_by_the_name_shown(ragent: Ragent, tmp_path: Path) -> None:
    write_notes(tmp_path / "notes", 1)
    with zipfile.ZipFile(tmp_path / "notes" / "a.zip", "w") as archive:
        archive.writestr("in/one.txt", "The vermilion lamp hangs in locker fourteen.")
        archive.writestr("two.txt", "Barrels of tar stand on the quay.")
    ragent("ingest", "notes")
    ran = ragent("forget", "notes/a.zip!/in/one.txt", "--json")
    assert (ran.code, ran.json["found"], len(ran.json["listed_again"])) == (0, [], 1)
    assert all(
        b"vermilion" not in path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file()
    )
    assert ragent("search", "barrels of tar", "--json").json["hits"][0]["uri"].endswith("a.zip!/two.txt")


def test_a_folder_that_lists_nothing_keeps_its_documents(ragent: Ragent, tmp_path: Path) -> None:
    """An unmounted disk looks like an empty folder, or like none."""
    write_notes(tmp_path / "notes", 3)
    ragent("ingest", "notes")
    (tmp_path / "notes").rename(tmp_path / "elsewhere")
    for _ in ("gone", "empty"):
        for options in (["--delete"], ["--delete", "--dry-run"]):
            ran = ragent("sync", *options, "--json")
            assert (ran.code, ran.json["deleted"]) == (1, 0)
            assert "3 documents are kept (--delete-all" in ran.json["failed"][0]["error"]
        (tmp_path / "notes").mkdir(exist_ok=True)
    (tmp_path / "notes").rmdir()
    (tmp_path / "elsewhere").rename(tmp_path / "notes")
    assert ragent("sync", "--delete", "--json").json["unchanged"] == 3
    for path in (tmp_path / "notes").iterdir():
        path.unlink()
    assert ragent("sync", "--delete-all", "--json").json["deleted"] == 3


def test_globs_are_remembered(ragent: Ragent, tmp_path: Path) -> None:
    write_notes(tmp_path / "notes", 3)
    (tmp_path / "notes" / "a.log").write_text("A log.")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "o.txt").write_text("Not named by anybody.")
    (tmp_path / "notes" / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "notes" / "link.txt").symlink_to(tmp_path / "outside" / "o.txt")
    chosen = ["--include", "*.txt", "--exclude", "*-001.txt", "--exclude", "*-002.txt"]
    assert ragent("ingest", "notes", *chosen, "--json").json["added"] == 1
    (tmp_path / "notes" / "b.log").write_text("Another log.")
    (tmp_path / "notes" / "new.txt").write_text("A new text.")
    synced = ragent("sync", "--json").json
    assert (synced["added"], synced["unchanged"]) == (1, 1)
    ran = ragent("ingest", "https://x.example", "--include", "*.txt")
    assert ran.code == 1
    assert "globs are for folders" in ran.err


def test_a_database_by_a_relative_path_is_found_from_elsewhere(ragent: Ragent, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "rel.db")) as connection, connection:
        connection.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT)")
        connection.execute("INSERT INTO notes VALUES (1, 'The crane is out of order.')")
    url = "sql+sqlite:///rel.db#query=SELECT * FROM notes&key=id"
    assert ragent("ingest", url, "--json").json["added"] == 1
    (tmp_path / "away").mkdir()
    synced = run_ragent(tmp_path / "home", "sync", "--json", cwd=tmp_path / "away").json
    assert (synced["unchanged"], synced["failed"]) == (1, [])
    assert not list((tmp_path / "away").iterdir())


def test_repeats_can_be_left_out(ragent: Ragent, tmp_path: Path) -> None:
    write_notes(tmp_path / "notes", 2)
    text = (tmp_path / "notes" / "note-000.txt").read_text()
    (tmp_path / "notes" / "copy.txt").write_text(text)
    report = ragent("ingest", "notes", "--skip-duplicates", "--report", "r.json", "--json").json
    assert (report["added"], report["duplicates"]) == (2, 1)
    (left_out,) = [
        one
        for one in json.loads((tmp_path / "r.json").read_text())["documents"]
        if one["status"] == "duplicate"
    ]
    assert left_out["detail"].startswith("repeats file://")


def test_watch_refuses_what_it_cannot_follow(ragent: Ragent) -> None:
    for where in ("https://x.example/", "nowhere"):
        ran = ragent("watch", where)
        assert ran.code == 1
        assert "can't follow" in ran.err
