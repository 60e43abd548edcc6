from __future__ import annotations

from tests.cli.conftest import Ragent


def test_the_tools_are_listed_with_what_they_lack_and_change(ragent: Ragent) -> None:
    found = {tool["name"]: tool for tool in ragent("agent", "tools", "--json").json}
    assert found["search"]["enabled"]
    assert not found["calculate"]["side_effects"]
    assert found["fetch"]["side_effects"]
    assert "[tools] database" in found["sql"]["missing"]
    assert "fetch: not enabled, has side effects" in ragent("agent", "tools").out
