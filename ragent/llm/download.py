"""Fetches a large file: goes on where it was cut, and keeps nothing that isn't what it should be.

What has come lies in `NAME.part`, with the validator of that version beside it; the file gets its name by one
atomic rename, after its checksum and its header were checked.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from ragent.config import secret_variables
from ragent.errors import LLMError, ModelNotFound
from ragent.llm.gguf import read_header
from ragent.served import Retries

Progress = Callable[[int, int], None]
"""Given the bytes that are there, and those of the whole file (0: the server doesn't tell)."""

_SECONDS = 60.0
_REDIRECTS = 5
_SPARE_BYTES = 64 << 20
_LATER = {408, 429, 500, 502, 503, 504}
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A file that is here. `verified`: its checksum was known beforehand, and is right."""

    path: Path
    sha256: str
    verified: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """A GGUF file to fetch. `sha256` is "" where only the server, if anyone, knows it."""

    url: str
    target: Path
    sha256: str = ""


def download_gguf(
    wanted: Wanted, progress: Progress = lambda _done, _total: None, *, retries: Retries | None = None
) -> Downloaded:
    """Fetch a model file, or go on with it; a file that is there already is only checked.

    The checksum is the one given, else the one that the Hugging Face hub sends (`X-Linked-ETag`).

    Raises:
        ModelNotFound: there is no such file.
        LLMError: the server can't be reached or refuses, the disk is too small, or what came has another
            checksum or is no GGUF file (then it is deleted). What was cut off can be gone on with.
    """
    if wanted.target.exists():
        return _present(wanted)
    wanted.target.parent.mkdir(parents=True, exist_ok=True)
    return _Transfer(wanted, progress, retries or Retries()).run()


def sha256_of(path: Path) -> str:
    """The checksum of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def refuse_unless_room(folder: Path, needed: int) -> None:
    """Raise LLMError if the disk hasn't room for so many bytes."""
    free = shutil.disk_usage(folder).free
    if needed + _SPARE_BYTES > free:
        raise LLMError(
            f"the disk is too small: {needed / 1e6:.0f} MB are to come, {free / 1e6:.0f} MB are free",
            hint=f"make room at {folder}, or choose a smaller quantisation",
        )


def _present(wanted: Wanted) -> Downloaded:
    found = sha256_of(wanted.target)
    if wanted.sha256 and found != wanted.sha256.lower():
        raise LLMError(
            f"{wanted.target} is there, but is another file (its SHA-256 is {found})",
            hint="move it away, and pull again",
        )
    read_header(wanted.target)
    return Downloaded(wanted.target, found, bool(wanted.sha256))


class _Cut(Exception):
    """The transfer broke off, and may be gone on with."""


class _Transfer:
    def __init__(self, wanted: Wanted, progress: Progress, retries: Retries) -> None:
        self._wanted = wanted
        self._progress = progress
        self._retries = retries
        self._sha256 = wanted.sha256.lower()
        self._part = wanted.target.with_name(wanted.target.name + ".part")
        self._note = wanted.target.with_name(wanted.target.name + ".part.json")

    def run(self) -> Downloaded:
        failures = 0
        while True:
            before = self._size()
            try:
                self._fetch()
                break
            except _Cut as cut:
                failures = failures + 1 if self._size() <= before else 1
                if failures >= self._retries.attempts:
                    raise LLMError(
                        f"can't fetch {self._wanted.url}: {cut}",
                        hint="run the same command again later: it goes on where it stopped",
                        retryable=True,
                    ) from cut
                time.sleep(self._retries.first_seconds * 2 ** (failures - 1))
        return self._keep()

    def _size(self) -> int:
        return self._part.stat().st_size if self._part.exists() else 0

    def _fetch(self) -> None:
        timeout = httpx.Timeout(_SECONDS, connect=10)
        with httpx.Client(timeout=timeout, headers={"accept-encoding": "identity"}) as client, _told():
            response = self._open(client, self._resuming())
            try:
                self._write(response)
            finally:
                response.close()

    def _resuming(self) -> dict[str, str]:
        """Headers that ask for the rest, on condition that it is still the same file (RFC 9110, 13.1.5)."""
        try:
            note = json.loads(self._note.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        if not self._size() or note.get("url") != self._wanted.url:
            return {}
        return {"range": f"bytes={self._size()}-", "if-range": str(note["validator"])}

    def _open(self, client: httpx.Client, headers: dict[str, str]) -> httpx.Response:
        url = httpx.URL(self._wanted.url)
        secret = _secret(url.host)
        for _ in range(_REDIRECTS + 1):
            mine = {"authorization": f"Bearer {secret}"} if secret and _same(url, self._wanted.url) else {}
            response = client.send(client.build_request("GET", url, headers={**headers, **mine}), stream=True)
            linked = response.headers.get("x-linked-etag", "").strip('W/"')
            if not self._sha256 and _SHA256.fullmatch(linked):
                self._sha256 = linked
            if not response.has_redirect_location:
                return response
            response.close()
            target = url.join(response.headers["location"])
            if url.scheme == "https" and target.scheme != "https":
                raise LLMError(f"{url.host} redirects to an unencrypted address", hint="give another URL")
            url = target
        raise LLMError(f"{self._wanted.url} redirects too often", hint="give the URL that it ends at")

    def _write(self, response: httpx.Response) -> None:
        if response.status_code == 416 and response.headers.get("content-range") == f"bytes */{self._size()}":
            return  # all of it is here
        start = self._start(response)
        length = int(response.headers.get("content-length") or 0)
        refuse_unless_room(self._part.parent, length)
        done, total = start, start + length if length else 0
        with self._part.open("r+b" if start else "wb") as file:
            file.seek(start)
            self._remember(response)
            for piece in response.iter_raw():
                file.write(piece)
                if done < 4 <= done + len(piece):
                    file.flush()
                    self._refuse_other_formats()
                done += len(piece)
                self._progress(done, total)
            file.flush()
            os.fsync(file.fileno())

    def _remember(self, response: httpx.Response) -> None:
        """Note which version of the file this is, if the server tells: only then can it be gone on with."""
        validator = response.headers.get("etag", "")
        if not validator or validator.startswith("W/"):
            validator = response.headers.get("last-modified", "")
        if validator:
            self._note.write_text(json.dumps({"url": self._wanted.url, "validator": validator}), "utf-8")
        else:
            self._note.unlink(missing_ok=True)

    def _start(self, response: httpx.Response) -> int:
        """Where what comes belongs: at the end of what is here, or at the beginning."""
        if response.status_code == 200:
            return 0
        if response.status_code == 206:
            if response.headers.get("content-range", "").startswith(f"bytes {self._size()}-"):
                return self._size()
            self._forget()
            raise _Cut("the server sent another part than was asked for")
        if response.status_code == 416:
            self._forget()
            raise _Cut("the server has less of it than is here")
        raise self._refusal(response)

    def _refusal(self, response: httpx.Response) -> Exception:
        status, url = response.status_code, self._wanted.url
        if status in _LATER:
            return _Cut(f"the server answers {status}")
        if status in (404, 410):
            return ModelNotFound(f"there is no file {url}", hint="check the URL")
        if status in (401, 403):
            variable = secret_variables(httpx.URL(url).host, "token")[0]
            hint = f"accept the model's licence there, and set a token in the environment: {variable}"
            return LLMError(f"{url} is not for everyone ({status})", hint=hint)
        return LLMError(f"can't fetch {url}: the server answers {status}", hint="check the URL")

    def _refuse_other_formats(self) -> None:
        with self._part.open("rb") as file:
            other = file.read(4) != b"GGUF"
        if other:
            self._check_header()

    def _check_header(self) -> None:
        try:
            read_header(self._part)
        except LLMError as error:
            self._forget()
            what = error.message.replace(str(self._part), self._wanted.url)
            raise LLMError(f"{what}; it was not kept", hint=error.hint) from error

    def _keep(self) -> Downloaded:
        found = sha256_of(self._part)
        if self._sha256 and found != self._sha256:
            self._forget()
            raise LLMError(
                f"{self._wanted.url} has another checksum than it should: {found}, not {self._sha256};"
                " it was not kept",
                hint="pull it again; if that doesn't help, the file was changed where it lies",
            )
        self._check_header()
        self._part.replace(self._wanted.target)
        self._note.unlink(missing_ok=True)
        return Downloaded(self._wanted.target, found, bool(self._sha256))

    def _forget(self) -> None:
        self._part.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except httpx.TransportError as error:
        raise _Cut(str(error) or type(error).__name__) from error
    except httpx.InvalidURL as error:
        raise LLMError(f"a redirect leads nowhere: {error}") from error


def _secret(host: str) -> str:
    return next((found for name in secret_variables(host, "token") if (found := os.environ.get(name))), "")


def _same(url: httpx.URL, other: str) -> bool:
    first = httpx.URL(other)
    return (url.scheme, url.host, url.port) == (first.scheme, first.host, first.port)
