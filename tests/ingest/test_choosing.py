from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ragent.errors import SourceError
from ragent.ingest.choosing import open_source


@pytest.mark.parametrize(
    ("argument", "kind"),
    [
        ("docs", "FolderSource"),
        ("docs/a:b#c.md", "FolderSource"),
        ("file:///docs", "FolderSource"),
        ("https://x.example/a#depth=1", "WebSource"),
        ("feed+https://x.example/feed", "FeedSource"),
        ("git+https://x.example/r@main", "GitSource"),
        ("s3://bucket/docs", "FilesystemSource"),
        ("zip://docs::memory://a.zip", "FilesystemSource"),
        ("zip://docs::file:///a.zip", "FilesystemSource"),
        ("simplecache::s3://bucket/docs", "FilesystemSource"),
        ("sql+sqlite:///a.db#query=SELECT 1 AS id&key=id", "SqlSource"),
        ("imaps://me:secret@x.example/INBOX", "Sealed"),
    ],
)
def test_the_argument_chooses_the_source(argument: str, kind: str) -> None:
    assert type(open_source(argument, max_bytes=1)).__name__ == kind


@pytest.mark.parametrize("argument", ["gopher://x/y", "mailto://me@x", "svn+ssh://x"])
def test_a_url_that_no_source_takes_is_an_error(argument: str) -> None:
    with pytest.raises(SourceError, match=r"no source takes such a URL\n.*file, feed"):
        open_source(argument, max_bytes=1)


def test_a_path_loads_no_other_source(tmp_path: Path) -> None:
    code = (
        "import sys; from ragent.ingest.choosing import open_source; open_source(sys.argv[1], max_bytes=1);"
        "print(sorted({'httpx', 'fsspec', 'lxml', 'imaplib', 'ragent.web'} & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"
