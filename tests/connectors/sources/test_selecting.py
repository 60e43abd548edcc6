from __future__ import annotations

from pathlib import Path

import pytest

from ragent.errors import SourceError
from ragent_connectors.sources.folder import FolderSource, local_path
from ragent_connectors.sources.selecting import FileRules

FILES = ("a.md", "a.txt", "docs/b.md", "docs/deep/c.md", "docs/deep/c.log", "build/x.md", "[odd].md")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path.resolve()
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def names(root: Path, source: FolderSource) -> list[str]:
    return [local_path(item.uri).relative_to(root).as_posix() for item in source.items()]


def chosen(
    root: Path, include: tuple[str, ...] = (), exclude: tuple[str, ...] = (), **more: bool
) -> list[str]:
    return names(root, FolderSource(root, max_bytes=1000, rules=FileRules(include, exclude, **more)))


def test_globs_choose(tree: Path) -> None:
    assert chosen(tree, ("*.txt", "*.log")) == ["a.txt", "docs/deep/c.log"]
    assert chosen(tree, ("/docs/**/*.md",)) == ["docs/b.md", "docs/deep/c.md"]
    assert chosen(tree, ("/*.md",), ("a.*",)) == ["[odd].md"]
    assert chosen(tree, (), ("build/", "*.md")) == ["a.txt", "docs/deep/c.log"]


def test_ignore_files_hold_in_their_folder_and_below(tree: Path) -> None:
    (tree / ".gitignore").write_text("# built\n/build/\n*.log\n")
    (tree / "docs" / ".ragentignore").write_text("b.md\n!*.log\n")
    assert chosen(tree) == ["[odd].md", "a.md", "a.txt", "docs/deep/c.log", "docs/deep/c.md"]
    assert len(chosen(tree, ignore_files=False)) == len(FILES)


def test_ours_goes_before_gits(tree: Path) -> None:
    (tree / ".gitignore").write_text("*.md\n")
    (tree / ".ragentignore").write_text("!a.md\n")
    assert chosen(tree) == ["a.md", "a.txt", "docs/deep/c.log"]


def test_a_folder_that_is_left_out_is_not_even_listed(tree: Path) -> None:
    (tree / ".ragentignore").write_text("docs/\n")
    (tree / "docs").chmod(0)
    try:
        assert chosen(tree) == ["[odd].md", "a.md", "a.txt", "build/x.md"]
    finally:
        (tree / "docs").chmod(0o755)


def test_an_ignore_file_that_is_a_link_or_no_text_is_passed_over(tree: Path) -> None:
    (tree / ".gitignore").symlink_to("/etc/passwd")
    (tree / ".ragentignore").write_bytes(b"\xff\xfe\x00!\n!\n")
    assert len(chosen(tree)) == len(FILES)


def test_a_path_may_end_in_a_glob(tree: Path) -> None:
    for glob, expected in {
        "**/*.md": ["[odd].md", "a.md", "build/x.md", "docs/b.md", "docs/deep/c.md"],
        "*.md": ["[odd].md", "a.md"],
        "docs/*/c.*": ["docs/deep/c.log", "docs/deep/c.md"],
        "[odd].md": ["[odd].md"],  # a file of that very name
    }.items():
        assert names(tree, FolderSource.open(f"{tree}/{glob}", max_bytes=1000)) == expected


def test_the_uri_opens_the_same_source_again(tree: Path) -> None:
    (tree / ".gitignore").write_text("docs\n")
    for rules in (
        FileRules(),
        FileRules(("*.md", "/a,b&c#d ?/*"), ("build/",)),
        FileRules(ignore_files=False),
    ):
        source = FolderSource(tree, max_bytes=1000, rules=rules)
        again = FolderSource.open(source.uri, max_bytes=1000)
        assert again.uri == source.uri
        assert names(tree, again) == names(tree, source)
    globbed = FolderSource.open(f"{tree}/docs/*.md", max_bytes=1000)
    assert globbed.uri == f"{tree.as_uri()}/docs#include=/*.md"
    assert names(tree, FolderSource.open(globbed.uri, max_bytes=1000)) == ["docs/b.md"]
    with pytest.raises(SourceError, match="unknown rule 'includes'"):
        FolderSource.open(f"{tree.as_uri()}#includes=x", max_bytes=1000)


def test_a_malformed_glob_is_an_error(tree: Path) -> None:
    with pytest.raises(SourceError, match="not a glob"):
        chosen(tree, ("!",))
