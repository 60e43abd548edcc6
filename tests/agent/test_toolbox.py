from __future__ import annotations

import pytest

from ragent.agent import ToolContext, open_tools
from ragent.agent.toolbox import offers
from ragent.config import ToolSettings
from ragent.errors import ConfigError, ToolError


def test_tools_are_opened_in_order_and_once() -> None:
    tools = open_tools(["dates", "calculate", "dates"], ToolContext())
    assert [tool.name for tool in tools] == ["dates", "calculate"]


def test_an_unknown_tool_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="unknown tool 'teleport'") as caught:
        open_tools(["teleport"], ToolContext())
    assert "calculate" in caught.value.hint


def test_every_installed_tool_is_offered_or_says_what_it_lacks() -> None:
    found = {offer.name: offer for offer in offers(ToolContext())}
    assert set(ToolSettings().enabled) <= set(found)
    assert found["calculate"].tool is not None
    assert found["sql"].tool is None
    assert "[tools] database" in found["sql"].missing


def test_every_tool_has_its_entry_points_name_and_says_what_each_argument_is() -> None:
    for offer in offers(ToolContext()):
        if offer.tool is None:
            continue
        assert offer.tool.name == offer.name
        assert offer.tool.description
        for argument in offer.tool.parameters["properties"].values():
            assert argument["description"]


def test_the_errors_of_what_only_computes_do_not_taint() -> None:
    for name, arguments in (
        ("calculate", {"expression": "1/0"}),
        ("dates", {"operation": "weekday", "start": "soon"}),
        ("convert_units", {"value": 1, "from_unit": "kg", "to_unit": "m"}),
    ):
        with pytest.raises(ToolError) as caught:
            open_tools([name], ToolContext())[0].run(arguments)
        assert not caught.value.tainted


def test_arguments_that_do_not_fit_are_tool_errors() -> None:
    for tool in open_tools(["calculate", "dates", "convert_units"], ToolContext()):
        with pytest.raises(ToolError):
            tool.run({"nonsense": 1})
