from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ragent import Rag
from ragent.errors import ConfigError, ToolError


@pytest.fixture(scope="module")
def rag(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rag]:
    """A home with one text, whose answers are quotes: no model is needed."""
    folder: Path = tmp_path_factory.mktemp("rules")
    (folder / "rules.txt").write_text("Refunds above 500 EUR are approved by the head of sales.")
    with Rag.open(folder / "home", ask={"style": "extract"}) as rag:
        rag.ingest(folder / "rules.txt")
        yield rag


def test_a_question_gives_the_answer_and_where_it_stands(rag: Rag) -> None:
    result = rag.as_tool().run({"question": "Who approves refunds above 500 EUR?"})
    assert "head of sales" in result.text
    assert "rules.txt, characters 0 to " in result.text
    assert result.tainted


def test_without_a_sure_answer_the_passages_are_shown(rag: Rag) -> None:
    text = rag.as_tool().run({"question": "How deep is the Mariana trench?"}).text
    assert text.startswith("The documents give no sure answer.")


def test_each_collection_may_have_its_own_name(rag: Rag) -> None:
    tool = rag.as_tool("ask_rules", "Ask the house rules.")
    assert (tool.name, tool.description) == ("ask_rules", "Ask the house rules.")
    with pytest.raises(ConfigError, match="can't be a tool's name"):
        rag.as_tool("ask rules")


@pytest.mark.parametrize("arguments", [{}, {"question": ""}, {"question": 3}])
def test_what_is_no_question_is_a_tool_error(rag: Rag, arguments: dict[str, object]) -> None:
    with pytest.raises(ToolError):
        rag.as_tool().run(arguments)


def test_an_empty_home_is_a_tool_error(tmp_path: Path) -> None:
    with Rag.open(tmp_path) as rag, pytest.raises(ToolError, match="empty"):
        rag.as_tool().run({"question": "Who?"})
