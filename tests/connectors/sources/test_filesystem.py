from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from ragent.errors import MissingExtraError, SourceError
from ragent.types import Item
from ragent_connectors.sources.filesystem import FilesystemSource

LIMIT = 100


@pytest.fixture
def memory() -> Iterator[fsspec.AbstractFileSystem]:
    files = fsspec.filesystem("memory")
    files.pipe(
        {"/docs/a.md": b"# A", "/docs/in ner/b%20ü.txt": b"words", "/docs/.git/config": b"x", "/x.txt": b"x"}
    )
    yield files
    files.rm("/", recursive=True)


def source(url: str) -> FilesystemSource:
    return FilesystemSource.open(url, max_bytes=LIMIT)


def texts(opened: FilesystemSource) -> dict[str, bytes]:
    return {item.uri: opened.load(item).data for item in opened.items()}


@pytest.mark.usefixtures("memory")
def test_files_below_the_url_are_listed_and_read() -> None:
    assert texts(source("memory://docs")) == {
        "memory:///docs/a.md": b"# A",
        "memory:///docs/in ner/b%20ü.txt": b"words",
    }
    item = next(source("memory://docs/").items())
    assert source("memory://docs/").load(item).name == "a.md"


@pytest.mark.usefixtures("memory")
def test_one_file_is_one_item() -> None:
    assert texts(source("memory://docs/a.md")) == {"memory:///docs/a.md": b"# A"}


def test_the_version_changes_with_the_file(memory: fsspec.AbstractFileSystem) -> None:
    opened = source("memory://docs/a.md")
    (before,), (same,) = opened.items(), opened.items()
    assert before == same
    memory.pipe("/docs/a.md", b"# B")
    (after,) = source("memory://docs/a.md").items()
    assert after.version != before.version


@pytest.mark.usefixtures("memory")
def test_what_is_not_below_the_url_is_not_read() -> None:
    for uri in ("memory:///x.txt", "memory:///docs/../x.txt", "file:///etc/passwd", "memory:///docsx/a"):
        with pytest.raises(SourceError, match="not below"):
            source("memory://docs").load(Item(uri, ""))


@pytest.mark.usefixtures("memory")
def test_nothing_there_is_an_error() -> None:
    with pytest.raises(SourceError, match="isn't there"):
        list(source("memory://nowhere").items())


def test_a_large_file_is_refused(memory: fsspec.AbstractFileSystem) -> None:
    memory.pipe("/docs/a.md", b"x" * (LIMIT + 1))
    with pytest.raises(SourceError, match="over the limit"):
        texts(source("memory://docs/a.md"))


def test_a_chained_url_reads_within_an_archive(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("docs/a.md", "# A")
        archive.writestr("docs/deep/b.txt", "words")
        archive.writestr("other.txt", "x")
    url = f"zip://docs::file://{path}"
    assert texts(source(url)) == {
        f"zip://docs/a.md::file://{path}": b"# A",
        f"zip://docs/deep/b.txt::file://{path}": b"words",
    }
    assert len(texts(source(f"zip://::file://{path}"))) == 3
    versions = {item.uri: item.version for item in source(url).items()}
    assert versions == {item.uri: item.version for item in source(url).items()}


def test_folders_of_this_machine_too(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# A")
    assert list(texts(source(f"local://{tmp_path}")).values()) == [b"# A"]


@pytest.mark.parametrize(
    "url", ["s3://bucket/docs", "gs://b", "sftp://host/x", "zip://a::s3://b/c.zip", "memory://x"]
)
def test_urls_that_fsspec_knows_are_taken(url: str) -> None:
    assert FilesystemSource.accepts(url)


@pytest.mark.parametrize(
    "argument", ["docs/a.md", "file:///a", "https://x", "git+https://x", "unknown://x", "C:\\docs", "a::b"]
)
def test_others_are_not(argument: str) -> None:
    assert not FilesystemSource.accepts(argument)


def test_a_missing_package_is_named() -> None:
    try:
        import s3fs  # noqa: F401
    except ImportError:
        with pytest.raises(MissingExtraError, match=r"ragent\[s3\]"):
            list(source("s3://bucket/docs").items())
    else:
        pytest.skip("s3fs is installed here")


def test_no_url_leads_around_the_guard_of_the_web_source() -> None:
    for url in ("zip://a::http://169.254.169.254/x.zip", "simplecache::https://x.example/a"):
        with pytest.raises(SourceError, match="through the web"):
            FilesystemSource.open(url, max_bytes=1000)


def test_a_file_of_this_machine_within_a_url_is_made_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = FilesystemSource.absolute("zip://docs::a.zip")
    assert made == f"zip://docs::{tmp_path}/a.zip"
    assert FilesystemSource.absolute("zip://d::file://a.zip") == f"zip://d::file://{tmp_path}/a.zip"
    for url in (made, "s3://bucket/docs", "zip://docs::s3://bucket/a.zip"):
        assert FilesystemSource.absolute(url) == url
