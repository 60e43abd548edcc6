from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ragent.agent.likeness import likest_first
from ragent.types import Tool, ToolResult


def offered(name: str, description: str) -> Tool:
    return Tool(name, description, {"type": "object"}, lambda arguments: ToolResult(""))


TOOLS = [
    offered("get_weather", "Tells the weather of a city."),
    offered("currency.convert", "Converts an amount of money of a city's currency."),
    offered("bookTable", "Books a table in a restaurant of a city."),
]


def names(request: str) -> list[str]:
    return [tool.name for tool in likest_first(request, TOOLS)]


def test_the_tool_that_the_request_is_about_comes_first() -> None:
    assert names("Convert 20 euros into the currency of Norway")[0] == "currency.convert"
    assert names("A table for two at Luigi's")[0] == "bookTable"
    assert names("What will the weather be?")[0] == "get_weather"


def test_forms_of_a_word_count_as_the_word() -> None:
    assert names("converting and converted")[0] == "currency.convert"
    assert names("tables, please")[0] == "bookTable"


def test_a_word_that_all_have_decides_nothing_alone() -> None:
    assert names("the city and its currencies")[0] == "currency.convert"


def test_without_a_hint_the_order_stays() -> None:
    assert names("") == names("zzz") == [tool.name for tool in TOOLS]


@given(st.text())
def test_none_is_lost_whatever_is_asked(request: str) -> None:
    assert sorted(names(request)) == sorted(tool.name for tool in TOOLS)
