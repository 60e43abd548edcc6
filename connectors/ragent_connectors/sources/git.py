"""Git repositories: the files of one commit, through the `git` command."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Self
from urllib.parse import quote, unquote, urlsplit

from ragent.errors import MissingExtraError, SourceError
from ragent.types import Changes, Item, RawDocument
from ragent_connectors.containers.naming import SEPARATOR, is_hidden
from ragent_connectors.sources.folder import local_path
from ragent_connectors.sources.options import split_options

_BLOB = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
# What follows the last @ of the path; an @ before the host belongs to the host.
_AT = re.compile(r"(.+)@([^@/:]+(?:/[^@:]+)*)")
_REMOTE = ("https", "http", "ssh", "git")
_ENTRY = re.compile(r"(\d{6}) (\w+) ([0-9a-f]+) +(\d+|-)\t(.*)", re.DOTALL)
_REGULAR = ("100644", "100755")
_CLONE_SECONDS = 600
_SECONDS = 120


@dataclass(frozen=True, slots=True)
class _File:
    path: str
    blob: str


class GitSource:
    """The files of a commit; their version is the id of their contents, so an unchanged file costs nothing.

    Symbolic links, submodules and hidden files (dot names) are left out. A repository elsewhere is fetched
    without its history into a temporary folder, once.
    """

    def __init__(self, location: str, *, ref: str = "HEAD", path: str = "", max_bytes: int) -> None:
        if location.startswith("-") or ref.startswith("-") or not ref:
            raise SourceError(f"can't read {location}@{ref}: it begins with a hyphen", hint="check the URL")
        self._location = location
        self._ref = ref
        self._path = path.strip("/")
        self._max_bytes = max_bytes
        self._clone = ""

    @staticmethod
    def accepts(argument: str) -> bool:
        """Takes `git+` before a URL."""
        return argument.lower().startswith("git+") and "://" in argument

    @classmethod
    def open(cls, argument: str, *, max_bytes: int) -> Self:
        """`git+https://host/repository@ref#path=docs`, also `git+ssh://…` and `git+file:///a/path`.

        Without `@ref` it is HEAD. A path that exists is taken whole, even with an @ in it.
        """
        url, options = split_options(argument[len("git+") :], {"path": str})
        path = options.get("path", "")
        if _is_local(url) and local_path(url).exists():
            return cls(url, path=path, max_bytes=max_bytes)
        start = url.find("/", url.find("://") + 3) if "://" in url else 0
        match = _AT.fullmatch(url[start:]) if start >= 0 else None
        location, ref = (url[:start] + match[1], match[2]) if match else (url, "HEAD")
        return cls(location, ref=ref, path=path, max_bytes=max_bytes)

    @property
    def uri(self) -> str:
        """What opens this source again, from anywhere; never a password."""
        return self._base + (f"#path={quote(self._path)}" if self._path else "")

    @property
    def _base(self) -> str:
        """`git+`, the location (a path as `file://`), and `@ref` where it isn't HEAD."""
        if self._is_remote():
            parts = urlsplit(self._location)
            location = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        else:
            location = local_path(self._location).resolve().as_uri()
        return f"git+{location}" + ("" if self._ref == "HEAD" else f"@{self._ref}")

    def items(self) -> Iterator[Item]:
        """The files of the commit that the ref names now.

        Raises:
            SourceError: no such repository, ref or path.
        """
        for file in self._files(self._commit()):
            yield Item(self._uri_of(file.path), file.blob)

    def load(self, item: Item) -> RawDocument:
        """Read one file, as it was in the commit that was listed.

        Raises:
            SourceError: it is not of this repository, or too large.
        """
        prefix = self._base + SEPARATOR
        if not item.uri.startswith(prefix) or not _BLOB.fullmatch(item.version):
            raise SourceError(f"can't read {item.uri}: it is not of {self.uri}")
        if self._is_remote() and not self._clone:
            self._commit()
        size = int(self._git("cat-file", "-s", item.version))
        if size > self._max_bytes:
            limit = f"{self._max_bytes / 1e6:.1f} MB"
            raise SourceError(
                f"can't read {item.uri}: {size / 1e6:.1f} MB is over the limit of {limit}",
                hint="raise max_file_mb of [ingest], or split the file",
            )
        name = PurePosixPath(unquote(item.uri.removeprefix(prefix))).name
        return RawDocument(item.uri, name, self._git("cat-file", "blob", item.version))

    def changes(self, cursor: str | None) -> Changes:
        """What differs between the commit `cursor` and the one that the ref names now.

        Raises:
            SourceError: the repository has no commit `cursor` (any more).
        """
        commit = self._commit()
        files = {file.path: file for file in self._files(commit)}
        if cursor is None:
            items = tuple(Item(self._uri_of(file.path), file.blob) for file in files.values())
            return Changes(items, (), commit)
        if not _BLOB.fullmatch(cursor):
            raise SourceError(f"can't compare with {cursor!r}: it is no commit id", hint="list all items")
        if self._is_remote():
            self._git("fetch", "--quiet", "--depth=1", "--no-tags", "origin", cursor)
        differing = self._git(
            "diff-tree", "-r", "-z", "--name-only", "--no-renames", cursor, commit, "--", *self._pathspec()
        )
        paths = [os.fsdecode(path) for path in differing.split(b"\0") if path]
        changed = tuple(Item(self._uri_of(path), files[path].blob) for path in paths if path in files)
        gone = tuple(self._uri_of(path) for path in paths if path not in files and not is_hidden(path))
        return Changes(changed, gone, commit)

    def _files(self, commit: str) -> Iterator[_File]:
        listed = self._git("ls-tree", "-r", "-z", "--long", "--full-tree", commit, "--", *self._pathspec())
        for line in os.fsdecode(listed).split("\0"):
            entry = _ENTRY.fullmatch(line)
            if entry and entry[1] in _REGULAR and not is_hidden(entry[5]):
                yield _File(entry[5], entry[3])

    def _pathspec(self) -> list[str]:
        return [self._path] if self._path else []

    def _uri_of(self, path: str) -> str:
        return f"{self._base}{SEPARATOR}{quote(os.fsencode(path))}"

    def _commit(self) -> str:
        ref = self._ref
        if self._is_remote():
            self._git("fetch", "--quiet", "--depth=1", "--no-tags", "origin", ref)
            ref = "FETCH_HEAD"
        found = self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
        return found.decode("ascii").strip()

    def _is_remote(self) -> bool:
        return not _is_local(self._location)

    def _folder(self) -> str:
        if not self._is_remote():
            return str(local_path(self._location))
        if not self._clone:
            self._clone = tempfile.mkdtemp(prefix="ragent-git-")
            weakref.finalize(self, shutil.rmtree, self._clone, ignore_errors=True)
            _run(["git", "init", "--quiet", "--bare", self._clone], self.uri)
            _run(["git", "-C", self._clone, "remote", "add", "--", "origin", self._address], self.uri)
        return self._clone

    @property
    def _address(self) -> str:
        """The location without what logs in to a web server: that goes by the environment."""
        parts = urlsplit(self._location)
        return (
            parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if self._login else self._location
        )

    @property
    def _login(self) -> str:
        """`user:password` for a web server, or ""."""
        parts = urlsplit(self._location)
        login = parts.netloc.rpartition("@")[0] if parts.scheme.lower() in ("http", "https") else ""
        return unquote(login if ":" in login or not login else f"{login}:")

    def _git(self, *arguments: str) -> bytes:
        command = ["git", "-C", self._folder(), *arguments]
        if not self._login:
            return _run(command, self.uri)
        key = base64.b64encode(self._login.encode()).decode()
        parts = urlsplit(self._address)
        header = {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{parts.scheme}://{parts.netloc}/.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {key}",
        }
        return _run(command, self.uri, header)


def _is_local(location: str) -> bool:
    return urlsplit(location).scheme.lower() not in _REMOTE


def _run(command: list[str], uri: str, more: Mapping[str, str] = MappingProxyType({})) -> bytes:
    """Run git without a shell, without asking for passwords, without the transports that run programs."""
    environment = {
        **os.environ,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "https:http:ssh:git",
        "GIT_SSH_COMMAND": os.environ.get("GIT_SSH_COMMAND", "ssh -o BatchMode=yes"),
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "LC_ALL": "C",
        **more,
    }
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        environment.pop(name, None)
    limit = _CLONE_SECONDS if "fetch" in command else _SECONDS
    try:
        done = subprocess.run(command, capture_output=True, env=environment, timeout=limit)  # noqa: S603
    except FileNotFoundError as error:
        raise MissingExtraError(
            "reading git repositories needs the git command", hint="install git"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise SourceError(f"can't read {uri}: git took over {limit} s", hint="try again later") from error
    if done.returncode:
        reason = " ".join(done.stderr.decode("utf-8", "replace").split()) or "no such commit"
        raise SourceError(f"can't read {uri}: {reason[:500]}", hint="check the repository and the ref")
    return done.stdout
