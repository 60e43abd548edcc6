from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ragent.errors import SourceError
from ragent.types import Item
from ragent_connectors.sources.git import GitSource

LIMIT = 1000


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=x", "-c", "user.email=x@x.example", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "re po@home"
    (folder / "docs").mkdir(parents=True)
    (folder / ".github").mkdir()
    git(folder, "init", "-q", "-b", "main")
    for name in ("a.md", "docs/b ü.md", ".github/x.yml", "docs/-p.txt"):
        (folder / name).write_text(name)
    (folder / "link").symlink_to("/etc/passwd")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "one")
    return folder


def source(folder: Path, ref: str = "HEAD", path: str = "") -> GitSource:
    return GitSource(str(folder), ref=ref, path=path, max_bytes=LIMIT)


def texts(opened: GitSource) -> dict[str, str]:
    return {item.uri.rpartition("!/")[2]: opened.load(item).data.decode() for item in opened.items()}


def test_the_files_of_the_commit_are_listed_and_read(repository: Path) -> None:
    expected = {"a.md": "a.md", "docs/-p.txt": "docs/-p.txt", "docs/b%20%C3%BC.md": "docs/b ü.md"}
    assert texts(source(repository)) == expected
    (repository / "a.md").write_text("not committed")
    assert texts(source(repository)) == expected
    item = next(source(repository).items())
    assert item.uri == f"git+{repository.as_uri()}!/a.md"
    assert source(repository).load(item).name == "a.md"


def test_a_ref_names_another_commit(repository: Path) -> None:
    git(repository, "tag", "v1")
    (repository / "a.md").write_text("new")
    git(repository, "commit", "-qam", "two")
    assert texts(source(repository))["a.md"] == "new"
    assert texts(source(repository, "v1"))["a.md"] == "a.md"
    assert source(repository, "v1").uri == f"git+{repository.as_uri()}@v1"


def test_a_path_limits_it(repository: Path) -> None:
    assert list(texts(source(repository, path="docs"))) == ["docs/-p.txt", "docs/b%20%C3%BC.md"]
    assert list(texts(source(repository, path=":(exclude)docs"))) == []
    again = GitSource.open(source(repository, "main", "docs").uri, max_bytes=LIMIT)
    assert list(texts(again)) == ["docs/-p.txt", "docs/b%20%C3%BC.md"]


def test_changes_are_what_the_diff_says(repository: Path) -> None:
    opened = source(repository)
    first = opened.changes(None)
    assert first.items == tuple(opened.items())
    assert opened.changes(first.cursor).items == ()
    (repository / "a.md").write_text("new")
    (repository / "new.md").write_text("new")
    (repository / "docs" / "-p.txt").unlink()
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "two")
    second = opened.changes(first.cursor)
    assert [item.uri.rpartition("!/")[2] for item in second.items] == ["a.md", "new.md"]
    assert [uri.rpartition("!/")[2] for uri in second.deleted] == ["docs/-p.txt"]
    assert second.cursor == git(repository, "rev-parse", "HEAD")
    with pytest.raises(SourceError, match="can't read"):
        opened.changes("0" * 40)
    with pytest.raises(SourceError, match="no commit id"):
        opened.changes("--output=/tmp/x")


def test_an_unchanged_file_keeps_its_version(repository: Path) -> None:
    before = {item.uri: item.version for item in source(repository).items()}
    (repository / "a.md").write_text("new")
    git(repository, "commit", "-qam", "two")
    after = {item.uri: item.version for item in source(repository).items()}
    assert [uri.rpartition("!/")[2] for uri in before if before[uri] != after[uri]] == ["a.md"]


@pytest.mark.parametrize("where", ["location", "ref"])
def test_options_of_git_cannot_be_smuggled_in(repository: Path, tmp_path: Path, where: str) -> None:
    evil = f"--upload-pack=touch {tmp_path}/done"
    with pytest.raises(SourceError, match="hyphen"):
        GitSource(evil if where == "location" else str(repository), ref=evil, max_bytes=LIMIT)
    assert not (tmp_path / "done").exists()


@pytest.mark.parametrize("ref", ["nowhere", "main:a.md", "HEAD^{tree}", "a b"])
def test_what_is_no_commit_is_an_error(repository: Path, ref: str) -> None:
    with pytest.raises(SourceError, match="can't read"):
        list(source(repository, ref).items())


def test_transports_that_run_programs_are_refused(tmp_path: Path) -> None:
    opened = GitSource.open(f"git+ext::touch {tmp_path}/done", max_bytes=LIMIT)
    with pytest.raises(SourceError, match="can't read"):
        list(opened.items())
    assert not (tmp_path / "done").exists()


def test_a_folder_that_is_no_repository_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="not a git repository"):
        list(source(tmp_path).items())


def test_only_files_of_the_repository_are_loaded(repository: Path) -> None:
    item = next(source(repository).items())
    for wrong in (
        Item("git+file:///other!/a.md", item.version),
        Item(item.uri, "HEAD:a.md"),
        Item(item.uri, "-p"),
    ):
        with pytest.raises(SourceError, match="not of"):
            source(repository).load(wrong)


def test_a_large_file_is_refused(repository: Path) -> None:
    (repository / "a.md").write_bytes(b"x" * (LIMIT + 1))
    git(repository, "commit", "-qam", "large")
    with pytest.raises(SourceError, match="over the limit"):
        texts(source(repository))


def test_an_argument_may_be_a_url_or_a_path(repository: Path) -> None:
    git(repository, "branch", "feature/x")
    for argument in (
        f"git+{repository.as_uri()}",
        f"git+{repository.as_uri()}@feature/x#path=docs",
        f"git+file://{repository}@main",
    ):
        assert GitSource.accepts(argument)
        assert texts(GitSource.open(argument, max_bytes=LIMIT))
    assert GitSource.open("git+https://me:secret@host.example/r@main", max_bytes=1).uri == (
        "git+https://host.example/r@main"
    )
    assert not GitSource.accepts("https://host/r")


@pytest.fixture
def daemon(repository: Path) -> Iterator[str]:
    """The repository, served on this machine alone."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    (repository / ".git" / "git-daemon-export-ok").touch()
    serving = [f"--port={port}", "--listen=127.0.0.1", "--reuseaddr", f"--base-path={repository.parent}"]
    process = subprocess.Popen(
        ["git", "daemon", *serving],
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "HOME": "/"},
    )
    try:
        for _ in range(200):
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"git://127.0.0.1:{port}/re po@home"
    finally:
        os.killpg(process.pid, 15)
        process.wait()


def test_a_repository_elsewhere_is_fetched_without_its_history(repository: Path, daemon: str) -> None:
    for number in range(3):
        (repository / "a.md").write_text(f"version {number}")
        git(repository, "commit", "-qam", "next")
    opened = GitSource.open(f"git+{daemon}@main", max_bytes=LIMIT)
    assert texts(opened)["a.md"] == "version 2"
    first = opened.changes(None)
    (repository / "a.md").write_text("version 3")
    git(repository, "commit", "-qam", "next")
    again = GitSource.open(f"git+{daemon}@main", max_bytes=LIMIT)
    changed = again.changes(first.cursor)
    assert [item.uri.rpartition("!/")[2] for item in changed.items] == ["a.md"]
    assert GitSource.open(f"git+{daemon}@main", max_bytes=LIMIT).load(changed.items[0]).data == b"version 3"
