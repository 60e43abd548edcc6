"""A home that is moved to PostgreSQL and back answers the same, and can be cared for there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.cli.conftest import DOCUMENTS, Ragent, Ran, run_ragent
from tests.commands import environment

QUESTION = "refund of a cancelled ticket"


def hits(ran: Ran) -> list[tuple[int, float, str]]:
    assert ran.code == 0, ran.err
    return [(hit["chunk_id"], round(hit["score"], 3), hit["text"]) for hit in ran.json["hits"]]


def test_a_home_moves_to_postgresql_and_back(harbour: Ragent, tmp_path: Path, postgresql_url: str) -> None:
    described = harbour("db", "info", "--json").json
    first = Path(described["where"]).parent
    there, back = tmp_path / "there", tmp_path / "back"
    there.mkdir()
    (there / "ragent.toml").write_text(f'[store]\nurl = "{postgresql_url}"\n')

    copied = run_ragent(tmp_path, "db", "copy", first, there, "--json")
    assert copied.code == 0, copied.err
    assert "ragent.toml)" in copied.err
    assert copied.json["verified"]
    assert copied.json["tables"] == described["tables"]
    returned = run_ragent(tmp_path, "db", "copy", postgresql_url, back)
    assert returned.code == 0, returned.err
    assert "copied and compared: equal" in returned.out

    found = [hits(run_ragent(home, "search", QUESTION, "-k", "3", "--json")) for home in (first, there, back)]
    assert [hit[2] for hit in found[0]] == [hit[2] for hit in found[1]]
    assert found[0] == found[2]

    again = run_ragent(tmp_path, "db", "copy", first, there, "--json")
    assert again.code == 1
    assert "isn't empty" in again.json["error"]["message"]


def test_a_home_over_postgresql_is_used_like_any_other(tmp_path: Path, postgresql_url: str) -> None:
    home, notes = tmp_path / "home", tmp_path / "notes"
    notes.mkdir()
    for name in ("ticket-and-refund-policy.md", "price-list.html"):
        (notes / name).write_bytes((DOCUMENTS / name).read_bytes())

    def ragent(*arguments: str | Path) -> Ran:
        command = [sys.executable, "-m", "ragent.cli", "--home", home, *arguments]
        variables = {**environment(), "RAGENT_STORE__URL": postgresql_url}
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=tmp_path, env=variables, check=False
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    assert ragent("ingest", notes, "--json").json["added"] == 2
    (notes / "price-list.html").write_text("<p>An umbrella costs the vermilion sum of nine euros.</p>")
    synced = ragent("sync", "--json").json
    assert (synced["updated"], synced["unchanged"], synced["failed"]) == (1, 1, [])
    found = ragent("search", "umbrella", "--filter", "media_type=text/html", "--json").json["hits"]
    assert [hit["uri"].rpartition("/")[2] for hit in found] == ["price-list.html"]
    forgotten = ragent("forget", "notes/price-list.html", "--json")
    assert forgotten.code == 0, forgotten.err
    assert forgotten.json["found"] == []
    assert forgotten.json["rows_searched"] > 10
    assert not (home / "ragent.db").exists()
    assert ragent("fsck", "--json").json == {"sound": True, "problems": []}
    assert ragent("people", "add", "ann", "--role", "editor", "--json").code == 0
    assert "ann" in ragent("people", "list", "--json").out
    shown = ragent("db", "info")
    assert shown.out.startswith("PostgreSQL ")
    assert postgresql_url.rpartition("/")[2] in shown.out
