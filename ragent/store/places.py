"""Where a database is: in a home, or on a server."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ragent.config import CONFIG_NAME
from ragent.errors import ConfigError, StoreError
from ragent.store.database import DATABASE_NAME, Database, open_database
from ragent.store.postgresql import parse_url, shown

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")
_DERIVED = frozenset({"indexes", "cache"})
_PART = ".part"


@dataclass(frozen=True, slots=True)
class Place:
    """A database: SQLite's in a home, or that of a URL, which a home's ragent.toml may have named."""

    home: Path | None
    url: str = ""

    @property
    def shown(self) -> str:
        """In words, without a password."""
        if not self.url:
            return f"{self.home}/{DATABASE_NAME}"
        named = f" (named by {self.home}/{CONFIG_NAME})" if self.home else ""
        return f"{shown(self.url)}{named}"

    def require_home(self) -> None:
        """Raises StoreError where a folder is meant that is no home."""
        if self.home and not self.url and not (self.home / DATABASE_NAME).is_file():
            raise StoreError(f"{self.home} holds no {DATABASE_NAME}", hint="name a home, or a database's URL")

    @contextmanager
    def opened(self) -> Iterator[Database]:
        """The database; a home and its tables are made if need be."""
        with tempfile.TemporaryDirectory() as elsewhere:
            database = open_database(self.home or Path(elsewhere), self.url)
            try:
                yield database
            finally:
                database.engine.dispose()


def find_place(named: str) -> Place:
    """What a folder or a URL means. Settings of the environment are not asked.

    Raises:
        ConfigError: the URL isn't one of PostgreSQL, or the folder's ragent.toml can't be read.
    """
    if _URL.match(named):
        parse_url(named)
        return Place(None, named)
    home = Path(named).expanduser().absolute()
    return Place(home, _url_in(home / CONFIG_NAME))


def copy_files(source: Path, target: Path) -> list[str]:
    """Copy a home's files, but for its database and what is derived from that; the names of what was copied.

    What is there already stays. A home that names a database would mean that one wherever its ragent.toml
    lies, so such a file is not copied.
    """
    copied = []
    for path in sorted(source.iterdir()):
        names_database = path.name == CONFIG_NAME and _url_in(path)
        if path.name in _DERIVED or path.name.startswith(DATABASE_NAME) or names_database:
            continue
        if _copy(path, target / path.name):
            copied.append(path.name)
    return copied


def _copy(source: Path, target: Path) -> bool:
    """Whether anything wasn't there yet."""
    if source.is_dir() and not source.is_symlink():
        target.mkdir(exist_ok=True)
        return sum(_copy(path, target / path.name) for path in sorted(source.iterdir())) > 0
    if os.path.lexists(target) or source.name.endswith(_PART):
        return False
    part = target.with_name(f".{target.name}{_PART}")
    shutil.copy2(source, part, follow_symlinks=False)
    part.replace(target)
    return True


def _url_in(path: Path) -> str:
    if not path.is_file():
        return ""
    try:
        said = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"can't read {path}: {error}", hint="mend the file") from error
    store = said.get("store")
    return str(store.get("url", "")) if isinstance(store, dict) else ""
