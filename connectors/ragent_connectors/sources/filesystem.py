"""Files anywhere that fsspec reaches: object stores, SFTP, archives, memory."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Self

from ragent.errors import MissingExtraError, RagentError, SourceError
from ragent.types import Item, RawDocument
from ragent_connectors.containers.naming import is_hidden

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_URL = re.compile(r"([a-z][a-z0-9+-]*)(?:://|::)", re.IGNORECASE)
_CHAIN = "::"
_THROUGH_WEB = re.compile(r"(?:^|::)https?://", re.IGNORECASE)
# These have sources of their own, which guard more.
_OTHERS = {"file", "local", "http", "https", "git"}
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "sftp": "sftp", "ssh": "sftp"}
_TAGS = ("ETag", "etag", "md5Hash", "crc32c", "CRC", "checksum", "sha256")
_TIMES = ("LastModified", "last_modified", "mtime", "updated", "modified", "created", "date_time")


class FilesystemSource:
    """One file or all files below a URL such as `s3://bucket/docs`, `sftp://host/docs` or
    `zip://docs::s3://bucket/a.zip`.

    Hidden files (dot names) are left out. How to log in is fsspec's matter: its configuration or the
    environment; `options` go to the file system's constructor.
    """

    def __init__(self, url: str, *, max_bytes: int, options: Mapping[str, Any] | None = None) -> None:
        self._url = url
        self._max_bytes = max_bytes
        self._options = dict(options or {})

    @staticmethod
    def accepts(argument: str) -> bool:
        """Takes URLs of the protocols that fsspec knows, other than files of this machine and the web."""
        match = _URL.match(argument)
        if match is None or match[1].lower() in _OTHERS:
            return False
        from fsspec import available_protocols

        return match[1].lower() in available_protocols()

    @classmethod
    def open(cls, argument: str, *, max_bytes: int) -> Self:
        """The source for a URL.

        Raises:
            SourceError: it leads to the web: only the source for web pages keeps from private addresses.
        """
        if _THROUGH_WEB.search(argument):
            raise SourceError(
                f"can't read {argument}: it goes through the web",
                hint="give the http address itself: archives are opened wherever they are",
            )
        return cls(argument, max_bytes=max_bytes)

    @staticmethod
    def absolute(argument: str) -> str:
        """The URL with the absolute path of the file of this machine at its end, if there is one."""
        links = argument.split(_CHAIN)
        scheme, slashes, path = links[-1].rpartition("://")
        if len(links) == 1 or scheme not in ("", "file", "local") or not path:
            return argument
        return _CHAIN.join((*links[:-1], f"{scheme}{slashes}{Path(path).absolute().as_posix()}"))

    @property
    def uri(self) -> str:
        """The URL."""
        return self._url

    def items(self) -> Iterator[Item]:
        """All files below the URL, by what the listing tells: nothing is opened.

        The version is the store's checksum, else the time of change, with the size. Where a store tells
        neither, each listing has a new version, and the contents decide.

        Raises:
            SourceError: there is nothing at the URL, or it can't be reached.
            MissingExtraError: the protocol needs a package that is not installed.
        """
        files, root = self._root
        try:
            found = files.find(root, detail=True)
            if not found:
                found = {root: files.info(root)}
        except Exception as error:
            raise _refusal(self._url, error) from error
        for path, info in sorted(found.items()):
            below = path.removeprefix(root).strip("/")
            if info.get("type") == "file" and not is_hidden(below):
                yield Item(self._uri_of(path), _version(info))

    def load(self, item: Item) -> RawDocument:
        """Read one file, never more than `max_bytes` of it.

        Raises:
            SourceError: it is gone, unreadable, too large, or not below the URL.
        """
        files, root = self._root
        path = str(files._strip_protocol(item.uri.removesuffix(self._rest)))
        if item.uri != self._uri_of(path) or not _is_below(path, root):
            raise SourceError(f"can't read {item.uri}: it is not below {self._url}")
        try:
            with files.open(path, "rb") as file:
                data = file.read(self._max_bytes + 1)
        except Exception as error:
            raise _refusal(item.uri, error) from error
        if len(data) > self._max_bytes:
            raise SourceError(
                f"can't read {item.uri}: it is over the limit of {self._max_bytes / 1e6:.1f} MB",
                hint="raise max_file_mb of [ingest], or split the file",
            )
        return RawDocument(item.uri, PurePosixPath(path).name, data)

    @property
    def _rest(self) -> str:
        """What stands behind the first link of a chained URL: the archive that holds the files, say."""
        _, chain, rest = self._url.partition(_CHAIN)
        return chain + rest

    def _uri_of(self, path: str) -> str:
        return str(self._root[0].unstrip_protocol(path)) + self._rest

    @cached_property
    def _root(self) -> tuple[AbstractFileSystem, str]:
        import fsspec

        try:
            files, path = fsspec.core.url_to_fs(self._url, **self._options)
        except ImportError as error:
            scheme = self._url.partition(":")[0].lower()
            hint = (
                f"pip install 'ragent[{_EXTRAS[scheme]}]'"
                if scheme in _EXTRAS
                else f"pip install {error.name}"
            )
            raise MissingExtraError(f"can't read {self._url}: {error}", hint=hint) from error
        except Exception as error:
            raise _refusal(self._url, error) from error
        return files, str(path).rstrip("/")


def _is_below(path: str, root: str) -> bool:
    return ".." not in PurePosixPath(path).parts and (path == root or path.startswith(f"{root}/") or not root)


def _version(info: Mapping[str, Any]) -> str:
    tag = next((info[name] for name in (*_TAGS, *_TIMES) if info.get(name)), None)
    return f"{info.get('size')}:{tag or secrets.token_hex(8)}"


def _refusal(uri: str, error: Exception) -> RagentError:
    """Each store raises errors of its own kind."""
    if isinstance(error, FileNotFoundError):
        return SourceError(f"can't read {uri}: it isn't there", hint="check the URL")
    reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
    return SourceError(f"can't read {uri}: {reason}", hint="check the URL and the access rights")
