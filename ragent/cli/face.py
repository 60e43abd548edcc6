"""What all commands share: common options, JSON or plain output, errors and exit codes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn
from urllib.parse import unquote, urlsplit

import typer

from ragent.errors import ConfigError, MalformedOutput, RagentError, SchemaError

if TYPE_CHECKING:
    from rich.console import Console

    from ragent.rag import Rag

FAILED, USAGE, PARTLY_FAILED = 1, 2, 3
INTERRUPTED = 130

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", metavar="DIR", help="Where all state lives (or RAGENT_HOME)", show_default=False),
]
CollectionOption = Annotated[
    str | None,
    typer.Option(
        "--collection", metavar="NAME", help="Which set of documents (default: default)", show_default=False
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON value on stdout; messages on stderr.")]


@dataclass(frozen=True, slots=True)
class Common:
    """Options given before the verb; those after it win."""

    home: Path | None = None
    collection: str | None = None
    config: Path | None = None
    as_json: bool = False


class Face:
    """One command's surroundings."""

    def __init__(
        self,
        context: typer.Context,
        home: Path | None = None,
        collection: str | None = None,
        as_json: bool = False,
    ) -> None:
        common: Common = context.find_root().obj or Common()
        self.home = home or common.home
        self.collection = collection or common.collection
        self.config = common.config
        self.as_json = as_json or common.as_json

    @contextmanager
    def rag(self, **settings: Any) -> Iterator[Rag]:
        """The library, opened as the options say."""
        from ragent.config import find_config, find_home, load_settings
        from ragent.rag import Rag

        home = find_home(self.home)
        if self.collection:
            settings["collection"] = self.collection
        with Rag(home, load_settings(self.config or find_config(home), **settings)) as rag:
            yield rag

    def print_json(self, value: Any) -> None:
        """One JSON value on stdout. Dataclasses become objects."""
        typer.echo(json.dumps(value, default=_jsonable, ensure_ascii=False))

    @property
    def console(self) -> Console:
        """For people: stdout."""
        from rich.console import Console

        return Console(highlight=False, soft_wrap=True)

    @property
    def messages(self) -> Console:
        """For people: stderr."""
        from rich.console import Console

        return Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def reporting_errors(*, as_json: bool) -> Iterator[None]:
    """Turns a RagentError into its message and exit code."""
    try:
        yield
    except RagentError as error:
        fail(error, as_json=as_json)


def fail(error: RagentError, *, as_json: bool) -> NoReturn:
    """Print an error (JSON on stdout if asked for, and always words on stderr), and exit."""
    if as_json:
        typer.echo(json.dumps(error_contract(error)))
    typer.echo(f"error: {error}", err=True)
    sys.exit(USAGE if isinstance(error, ConfigError) else FAILED)


def error_contract(error: RagentError) -> dict[str, dict[str, str]]:
    """An error as `--json` gives it."""
    told = {"type": type(error).__name__, "message": error.message, "hint": error.hint}
    if isinstance(error, MalformedOutput):
        told["partial"] = error.text
    return {"error": told}


def read_schema(path: Path) -> Any:
    """The JSON Schema in a file. Raises SchemaError if it holds no JSON."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise SchemaError(f"{path} is not a JSON Schema: {error}") from None


def display_uri(uri: str) -> str:
    """A `file:` URI as a path, relative to the current folder where it lies inside; others as they are."""
    parts = urlsplit(uri)
    if parts.scheme != "file":
        return uri
    path = Path(unquote(parts.path))
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _jsonable(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
