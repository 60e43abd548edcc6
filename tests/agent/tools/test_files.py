from __future__ import annotations

import os
from pathlib import Path

import pytest

from ragent.agent import Tool, ToolContext, open_tools
from ragent.config import ToolSettings
from ragent.errors import ConfigError, ToolError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "notes").mkdir(parents=True)
    (root / "notes" / "a.txt").write_text("first\nsecond\nthird\n")
    (tmp_path / "secret.txt").write_text("hush")
    (tmp_path / "root-beside").mkdir()
    (tmp_path / "root-beside" / "b.txt").write_text("hush")
    return root


def opened(*roots: Path, **more: float) -> Tool:
    settings = ToolSettings.model_validate({"roots": tuple(map(str, roots)), **more})
    return open_tools(["read_file"], ToolContext(settings=settings))[0]


def read(tool: Tool, path: str, **more: int) -> str:
    result = tool.run({"path": path, **more})
    assert result.tainted
    return result.text


def test_a_file_is_shown_with_its_lines(root: Path) -> None:
    assert read(opened(root), "notes/a.txt") == "notes/a.txt, lines 1 to 3 of 3:\nfirst\nsecond\nthird"


def test_a_long_file_is_read_in_parts(root: Path) -> None:
    (root / "long.txt").write_text("\n".join(f"line {n} {'x' * 40}" for n in range(1, 101)))
    tool = opened(root, result_chars=1000)
    first = read(tool, "long.txt")
    assert len(first) < 1200
    assert first.endswith("[go on with first_line=21]")
    assert "line 21 " in read(tool, "long.txt", first_line=21)


def test_folders_are_listed(root: Path) -> None:
    assert read(opened(root), "") == "folder root:\n  notes/"
    assert read(opened(root), "notes") == "folder notes:\n  a.txt (19 bytes)"


def test_the_second_root_is_looked_into_too(root: Path, tmp_path: Path) -> None:
    assert "hush" in read(opened(root, tmp_path / "root-beside"), "b.txt")


@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt",
        "notes/../../secret.txt",
        "../root-beside/b.txt",
        "/etc/passwd",
        "~/.profile",
        "link.txt",
        "away/secret.txt",
        "loop",
        "gone.txt",
        "a\0b",
        "x" * 10_000,
        "\ud800",
    ],
)
def test_what_is_elsewhere_or_nowhere_is_refused_alike(root: Path, path: str) -> None:
    (root / "link.txt").symlink_to(root.parent / "secret.txt")
    (root / "away").symlink_to(root.parent)
    (root / "loop").symlink_to(root / "loop")
    with pytest.raises(ToolError, match="there is no file"):
        read(opened(root), path)


def test_an_absolute_path_under_a_root_is_allowed(root: Path) -> None:
    assert "second" in read(opened(root), str(root / "notes" / "a.txt"))


def test_a_link_within_the_roots_is_followed(root: Path) -> None:
    (root / "link.txt").symlink_to(root / "notes" / "a.txt")
    assert "second" in read(opened(root), "link.txt")


def test_what_is_no_text_is_refused(root: Path) -> None:
    (root / "a.bin").write_bytes(b"a\0b")
    (root / "b.bin").write_bytes(b"\xff\xfe\xfd")
    os.mkfifo(root / "pipe")
    (root / "empty.txt").touch()
    (root / "large.txt").write_bytes(b"a" * 20_000)
    tool = opened(root, max_file_mb=0.01)
    for path, told in (
        ("a.bin", "no UTF-8"),
        ("b.bin", "no UTF-8"),
        ("pipe", "no file"),
        ("large.txt", "larger"),
    ):
        with pytest.raises(ToolError, match=told):
            read(tool, path)
    assert read(tool, "empty.txt") == "empty.txt is empty."


@pytest.mark.parametrize("line", [0, -1, 4, 10**30])
def test_lines_that_are_not_there_are_refused(root: Path, line: int) -> None:
    with pytest.raises(ToolError, match="lines 1 to 3"):
        read(opened(root), "notes/a.txt", first_line=line)


def test_without_roots_it_cannot_be_opened(root: Path) -> None:
    with pytest.raises(ConfigError, match="no folder"):
        opened()
    with pytest.raises(ConfigError, match="is no folder"):
        opened(root / "gone")
