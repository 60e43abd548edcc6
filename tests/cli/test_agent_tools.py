from __future__ import annotations

import sys
from pathlib import Path

from tests.cli.conftest import Ragent

SERVER = Path(__file__).parents[1] / "agent" / "mcp_server.py"


def test_what_a_server_offers_can_be_allowed_as_it_is_printed(tmp_path: Path, ragent: Ragent) -> None:
    section = f"[mcp.servers.it]\ncommand = '{sys.executable}'\nargs = ['{SERVER}']\n"
    (tmp_path / "ragent.toml").write_text(section, "utf-8")
    listed = ragent("agent", "tools", "--mcp", "it")
    assert listed.code == 0, listed.err
    (line,) = [line for line in listed.out.splitlines() if line.startswith("echo@")]
    entry, _, state = line.partition(": ")
    assert state == "not allowed, says that it changes nothing"
    assert "    Say it again." in listed.out

    (tmp_path / "ragent.toml").write_text(f"{section}allow = ['{entry}']\n", "utf-8")
    again = ragent("agent", "tools", "--mcp", "it", "--json")
    states = {tool["name"]: tool["state"] for tool in again.json}
    assert states["echo"] == "allowed"
    assert states["add"] == "not allowed"


def test_the_tools_that_are_installed(ragent: Ragent) -> None:
    found = {tool["name"]: tool for tool in ragent("agent", "tools", "--json").json}
    assert found["calculate"]["enabled"]
    assert not found["calculate"]["side_effects"]


def test_a_server_that_the_settings_do_not_name(ragent: Ragent) -> None:
    ran = ragent("agent", "tools", "--mcp", "other")
    assert ran.code == 2
    assert "mcp.servers" in ran.err
