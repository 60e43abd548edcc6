from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer
from rich.text import Text

from ragent.cli.app import app

OVER_STDIO = {"mcp"}


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command by its words, groups included."""
    yield " ".join(path), command
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, (*path, name))


ALL = dict(commands(typer.main.get_command(app)))
VERBS = {name: command for name, command in ALL.items() if not getattr(command, "commands", {})}


@pytest.mark.parametrize("name", [name for name in ALL if name])
def test_help_loses_no_word_in_brackets(name: str) -> None:
    """Typer takes what stands in [brackets] for a style, and leaves it out."""
    command = ALL[name]
    for told in (command.help, *(getattr(parameter, "help", None) for parameter in command.params)):
        if told:
            assert Text.from_markup(told).plain == told.replace("\\[", "[")


@pytest.mark.parametrize("name", sorted(VERBS.keys() - OVER_STDIO))
def test_every_verb_takes_json_whose_stdout_is_free(name: str) -> None:
    assert "--json" in {option for parameter in VERBS[name].params for option in parameter.opts}
