"""No secret of a source is ever in the home, in a report or in a message."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Ragent, Ran, run_ragent
from tests.cli.test_ingest import write_notes
from tests.serving import Site, say, serving

SECRET = "vermilion-lamp+4711"
WRITTEN = "vermilion-lamp%2B4711"


@pytest.fixture
def site() -> Iterator[Site]:
    """A page behind a token, which hands the token on to what it links to, and names it."""
    with serving() as running:
        link = f"<a href='/b?token={WRITTEN}'>{SECRET}</a>"
        text = f"<html><body><p>The crane is out of order.</p>{link}</body></html>"
        running.answers["/robots.txt"] = say("", 404)
        running.answers[f"/a?token={WRITTEN}"] = say(text, Content_Type="text/html", ETag='"1"')
        running.answers[f"/b?token={WRITTEN}"] = say(
            "<html><p>High tide.</p></html>", Content_Type="text/html"
        )
        yield running


def run(folder: Path, *arguments: str, **variables: str) -> Ran:
    return run_ragent(folder / "home", *arguments, cwd=folder, **{"NETRC": "nowhere", **variables})


def authorization(sent: dict[str, str]) -> str:
    return next((value for name, value in sent.items() if name.lower() == "authorization"), "")


def holds_secret(*folders: Path) -> list[str]:
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 3
    secrets = (SECRET.encode(), WRITTEN.encode())
    return [str(path) for path in files if any(secret in path.read_bytes() for secret in secrets)]


def test_a_token_is_not_kept_and_asked_for_again(tmp_path: Path, site: Site) -> None:
    write_notes(tmp_path / "notes", 2)
    url = f"{site.url}/a?token={WRITTEN}#depth=1&delay=0&allow_private=1"
    said = [run(tmp_path, "ingest", "notes", url, "--report", "one.json", "--json")]
    assert said[0].json["added"] == 4, said[0].err
    site.answers[f"/c?token={WRITTEN}"] = say("", 500)
    said.append(run(tmp_path, "ingest", url.replace("/a?", "/c?"), "--report", "two.html"))
    assert said[-1].code == 1
    (tmp_path / "notes" / "new.txt").write_text("A new note.")
    said.append(run(tmp_path, "sync", "--delete", "--report", "three.json", "--json"))
    assert said[-1].code == 3
    assert said[-1].json["added"] == 1
    assert said[-1].json["deleted"] == 0
    (failed,) = said[-1].json["failed"]
    assert failed["uri"].startswith(f"{site.url}/a?token=***#")
    assert "set RAGENT_SECRET_127_0_0_1 in the environment" in failed["error"]
    assert failed["error"] in (tmp_path / "three.json").read_text()
    site.seen.clear()
    said.append(run(tmp_path, "sync", "--json", RAGENT_SECRET_127_0_0_1=SECRET))
    assert (said[-1].json["unchanged"], said[-1].json["failed"]) == (5, [])
    assert site.seen[1][0] == f"/a?token={WRITTEN}"
    assert site.seen[1][1]["If-None-Match"] == '"1"'
    said.append(run(tmp_path, "ingest", url, "--json"))
    assert said[-1].json["unchanged"] == 2
    said.append(run(tmp_path, "search", "crane", "--json"))
    assert holds_secret(tmp_path) == []
    assert not [ran for ran in said if SECRET in ran.out + ran.err or WRITTEN in ran.out + ran.err]


def test_a_login_goes_to_its_own_server_alone(tmp_path: Path, site: Site) -> None:
    with serving() as other:
        other.answers["/"] = say("Words.")
        site.answers["/in"] = say("", 302, Location=f"{other.url}/")
        address = f"{site.url}/in".replace("://", f"://ann:{WRITTEN}@")
        ran = run(tmp_path, "ingest", f"{address}#allow_private=1&same_site=0&delay=0", "--json")
        assert ran.json["added"] == 1, ran.err
        assert all(authorization(sent).startswith("Basic ") for _, sent in site.seen)
        assert len(other.seen) == 2
        assert not any(authorization(sent) for _, sent in other.seen)
        assert holds_secret(tmp_path) == []


@pytest.mark.parametrize("scheme", ["git+http", "sql+postgresql", "sql+sqlite", "sftp", "feed+http"])
def test_a_source_that_fails_does_not_tell_its_secret(tmp_path: Path, site: Site, scheme: str) -> None:
    write_notes(tmp_path / "notes", 1)
    host = site.url.removeprefix("http://")
    url = f"{scheme}://ann:{WRITTEN}@{host}/a.db?password={WRITTEN}#"
    url += {"sql": "query=SELECT 1 AS k&key=k", "git": "path=a", "fee": "allow_private=1"}.get(scheme[:3], "")
    ran = run(tmp_path, "ingest", "notes", url, "--report", "report.json", "--json")
    assert ran.code in (1, 3)
    assert "Traceback" not in ran.err
    assert SECRET not in ran.out + ran.err
    assert WRITTEN not in ran.out + ran.err
    if ran.code == 3:
        assert holds_secret(tmp_path) == []
    if scheme == "git+http":
        assert authorization(site.seen[0][1]).startswith("Basic ")


def test_an_unknown_variable_is_still_refused(ragent: Ragent, tmp_path: Path) -> None:
    assert run(tmp_path, "search", "x", RAGENT_SECRETS_X="1").code == 2
