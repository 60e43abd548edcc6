from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ragent.errors import SourceError
from ragent.types import Item
from ragent_connectors.sources.folder import FolderSource, local_path

LIMIT = 1_000_000


def source(path: Path, max_bytes: int = LIMIT) -> FolderSource:
    return FolderSource(path, max_bytes=max_bytes)


def names(path: Path) -> list[str]:
    return [Path(local_path(item.uri)).relative_to(path).as_posix() for item in source(path).items()]


READ_AS_NOBODY = """
import os, sys
from pathlib import Path
from ragent.errors import SourceError
from ragent_connectors.sources.folder import FolderSource
source = FolderSource(Path(sys.argv[1]), max_bytes=100)
os.setgid(65534); os.setuid(65534)
for item in source.items():
    try:
        print(item.error.splitlines() or source.load(item).data)
    except SourceError as error:
        print(str(error).splitlines())
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = (tmp_path / "root").resolve()
    (root / "b" / "deep").mkdir(parents=True)
    (root / ".git").mkdir()
    for name in ("c.txt", "a.txt", "b/two.md", "b/deep/three.rst", ".hidden", ".git/config"):
        (root / name).write_text(name)
    return root


def test_a_tree_is_walked_in_order_without_hidden_files(tree: Path) -> None:
    assert names(tree) == ["a.txt", "b/deep/three.rst", "b/two.md", "c.txt"]


def test_a_single_file_is_offered_even_if_hidden(tree: Path) -> None:
    (item,) = source(tree / ".hidden").items()
    assert source(tree / ".hidden").load(item).data == b".hidden"


def test_the_version_changes_with_the_file(tree: Path) -> None:
    file = tree / "a.txt"
    found = file.stat()
    (before,) = source(file).items()
    assert before.version == f"{found.st_size}:{found.st_mtime_ns}"
    os.utime(file, ns=(found.st_atime_ns, found.st_mtime_ns + 1))
    (after,) = source(file).items()
    assert after.version != before.version


def test_a_name_with_odd_characters_survives(tmp_path: Path) -> None:
    file = tmp_path / "a b#ü%20?.txt"
    file.write_text("x")
    (item,) = source(tmp_path).items()
    assert item.uri == file.resolve().as_uri()
    assert source(tmp_path).load(item).name == file.name


def test_a_name_that_is_not_utf8_survives(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_bytes(b"x")
    (item,) = source(tmp_path).items()
    raw = source(tmp_path).load(item)
    assert raw.data == b"x"
    assert raw.name.encode() == "caf\ufffd.txt".encode()


def test_links_are_not_followed(tree: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("not yours")
    (tree / "out.txt").symlink_to(secret)
    (tree / "up").symlink_to(tmp_path)
    (tree / "twice.txt").symlink_to(tree / "a.txt")
    (tree / "dangling.txt").symlink_to(tree / "nowhere")
    assert names(tree) == ["a.txt", "b/deep/three.rst", "b/two.md", "c.txt"]


@pytest.mark.parametrize("made", ["file", "folder"])
def test_a_link_put_in_after_listing_is_not_read(tree: Path, tmp_path: Path, made: str) -> None:
    (tmp_path / "two.md").write_text("not yours")
    item = next(item for item in source(tree).items() if item.uri.endswith("two.md"))
    (tree / "b" / "two.md").unlink()
    if made == "file":
        (tree / "b" / "two.md").symlink_to(tmp_path / "two.md")
    else:
        (tree / "b").rename(tmp_path / "moved")
        (tree / "b").symlink_to(tmp_path)
    with pytest.raises(SourceError, match="leads out of"):
        source(tree).load(item)


def test_what_is_not_under_the_root_is_not_read(tree: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("x")
    for uri in (outside.as_uri(), tree.as_uri() + "/../outside.txt", tree.as_uri() + "/%2e%2e/outside.txt"):
        with pytest.raises(SourceError, match="leads out of"):
            source(tree).load(Item(uri, ""))


def test_a_root_that_is_a_link_is_resolved(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tree)
    linked = source(tmp_path / "link")
    assert linked.uri == tree.as_uri()
    item = next(linked.items())
    assert linked.load(item).data == b"a.txt"


def test_a_missing_root_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"it isn't there\n.*check the path"):
        list(source(tmp_path / "nowhere").items())


def test_a_file_that_vanishes_is_an_error(tree: Path) -> None:
    item = next(source(tree).items())
    (tree / "a.txt").unlink()
    with pytest.raises(SourceError, match="it isn't there"):
        source(tree).load(item)


def test_a_folder_that_vanishes_during_the_walk_is_an_item_with_an_error(tree: Path) -> None:
    items = source(tree).items()
    assert next(items).uri.endswith("a.txt")
    for name in ("b/deep/three.rst", "b/two.md"):
        (tree / name).unlink()
    (tree / "b" / "deep").rmdir()
    (tree / "b").rmdir()
    gone, last = items
    assert gone.uri.endswith("/b")
    assert "it isn't there" in gone.error
    assert last.uri.endswith("c.txt")
    assert not last.error


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_permission_is_an_item_with_an_error(tree: Path) -> None:
    (tree / "b").chmod(0)
    try:
        errors = {item.uri: item.error for item in source(tree).items() if item.error}
    finally:
        (tree / "b").chmod(0o755)
    assert list(errors) == [(tree / "b").as_uri()]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_users_folder_is_an_item_with_an_error(tree: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        shutil.copytree(tree, folder / "tree")
        (folder / "tree" / "b").chmod(0o700)
        (folder / "tree" / "c.txt").chmod(0o600)
        done = subprocess.run(
            [sys.executable, "-c", READ_AS_NOBODY, str(folder / "tree")], capture_output=True, text=True
        )
    assert done.stderr == ""
    first, listed, last = done.stdout.splitlines()
    assert first == "b'a.txt'"
    assert "/tree/b: no permission" in listed
    assert "read permission" in listed
    assert "/tree/c.txt: no permission" in last


def test_a_pipe_is_refused_at_once(tree: Path) -> None:
    os.mkfifo(tree / "b" / "pipe")
    refused = [item for item in source(tree).items() if item.error]
    assert [item.uri for item in refused] == [(tree / "b" / "pipe").as_uri()]
    assert "not a regular file" in refused[0].error
    with pytest.raises(SourceError, match="not a regular file"):
        source(tree).load(Item(refused[0].uri, ""))
    with pytest.raises(SourceError, match="not a regular file"):
        list(source(tree / "b" / "pipe").items())


def test_a_file_over_the_limit_is_refused(tree: Path) -> None:
    (tree / "a.txt").write_bytes(b"x" * 101)
    item = next(source(tree).items())
    assert len(source(tree, 101).load(item).data) == 101
    with pytest.raises(SourceError, match="over the limit"):
        source(tree, 100).load(item)


def test_a_very_deep_tree_is_walked(tmp_path: Path) -> None:
    folder = tmp_path
    for _ in range(300):
        folder = folder / "d"
    folder.mkdir(parents=True)
    (folder / "leaf.txt").write_text("x")
    assert [item.uri for item in source(tmp_path).items()] == [(folder / "leaf.txt").as_uri()]


@pytest.mark.parametrize(
    "argument", ["file:///tmp/a%20b.txt", "file://localhost/tmp/a b.txt", "/tmp/a b.txt"]
)
def test_paths_and_file_uris_are_paths(argument: str) -> None:
    assert local_path(argument) == Path("/tmp/a b.txt")


def test_a_relative_path_stays_one() -> None:
    assert local_path("docs/a:b.txt") == Path("docs/a:b.txt")


@pytest.mark.parametrize(
    "argument", ["https://example.org/a.pdf", "s3://bucket/key", "file://host/share/a.txt", "HTTP://x"]
)
def test_other_urls_are_refused(argument: str) -> None:
    with pytest.raises(SourceError, match=r"only files and folders|another machine"):
        FolderSource.open(argument, max_bytes=LIMIT)
