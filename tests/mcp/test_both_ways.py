"""An agent's tools out of another ragent: our client against our server."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ragent.agent.mcp_client import MCPServers
from ragent.errors import ToolError
from ragent.mcp_settings import MCPServerSettings
from tests.mcp.conftest import command


def found_by(given: MCPServerSettings) -> str:
    """What the tool `search` finds, once it is allowed."""
    with MCPServers({"papers": given}) as servers:
        pins = {tool.name: tool.pin for tool in servers.offered("papers")}
    allowed = given.model_copy(update={"allow": (f"search@{pins['search']}",), "read_only": ("search",)})
    with MCPServers({"papers": allowed}) as servers:
        (search,) = servers.tools("papers")
        assert not search.side_effects
        result = search.run({"query": "who opens the gate?", "k": 1})
        assert result.tainted
        assert "say in words" in search.run({"query": " "}).text
        return result.text


def test_over_stdio(home: Path) -> None:
    program, *arguments = command(home)
    cache = {"XDG_CACHE_HOME": os.environ["XDG_CACHE_HOME"]}
    assert "Ada Moor" in found_by(MCPServerSettings(command=program, args=tuple(arguments), env=cache))


def test_over_http_with_a_token(over_http: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = MCPServerSettings(url=over_http)
    with MCPServers({"papers": given}) as servers, pytest.raises(ToolError, match="can't be used"):
        servers.offered("papers")
    monkeypatch.setenv("RAGENT_SECRET_PAPERS", "sesame")
    assert "Ada Moor" in found_by(given)
