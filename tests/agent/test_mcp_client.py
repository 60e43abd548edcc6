"""Tools of MCP servers: real servers, over stdio and HTTP, some of them hostile."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ragent.agent.mcp_client import MCPServers
from ragent.config import load_settings
from ragent.errors import ConfigError, ToolError
from ragent.mcp_settings import MCPServerSettings
from ragent.types import Tool

SERVER = Path(__file__).with_name("mcp_server.py")


def settings(*arguments: str, **more: Any) -> MCPServerSettings:
    return MCPServerSettings(command=sys.executable, args=(str(SERVER), *arguments), **more)


def script(code: str, **more: Any) -> MCPServerSettings:
    return MCPServerSettings(command=sys.executable, args=("-c", code), **more)


@pytest.fixture(scope="module")
def pins() -> dict[str, str]:
    """What the server's tools have to be allowed as."""
    with MCPServers({"it": settings()}) as servers:
        return {tool.name: f"{tool.name}@{tool.pin}" for tool in servers.offered("it")}


def by_name(tools: list[Tool]) -> dict[str, Tool]:
    return {tool.name.removeprefix("it__"): tool for tool in tools}


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_nothing_is_allowed_by_itself() -> None:
    with MCPServers({"it": settings()}) as servers:
        assert servers.tools("it") == []
        offered = {tool.name: tool for tool in servers.offered("it")}
    assert offered["echo"].read_only
    assert offered["echo"].state == "not allowed"
    assert not offered["add"].read_only
    assert offered["add"].description == "Add two numbers."
    assert offered["add"].parameters["required"] == ["left", "right"]


def test_allowed_tools_work_and_taint(pins: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGENT_SECRET_IT_KEY", "sesame")
    monkeypatch.setenv("OTHER_SECRET", "hidden")
    allowed = tuple(pins[name] for name in ("echo", "add", "fail", "picture", "variable", "wordy", "huge"))
    given = settings(allow=allowed, read_only=("add",), env={"KEY": "***"}, result_chars=200)
    with MCPServers({"it": given}) as servers:
        tools = by_name(servers.tools("it"))
        assert set(tools) == {"echo", "add", "fail", "picture", "variable", "wordy", "huge"}
        assert tools["echo"].side_effects, "the server's own word that it only reads doesn't count"
        assert not tools["add"].side_effects
        assert len(tools["wordy"].description) < 1_100

        said = tools["echo"].run({"text": "héllo \0"})
        assert (said.text, said.tainted) == ("héllo \0", True)
        assert '"sum": 5' in tools["add"].run({"left": 2, "right": 3}).text
        failed = tools["fail"].run({})
        assert failed.tainted
        assert failed.text.startswith("the tool failed: ")
        assert "image" in tools["picture"].run({}).text
        assert tools["variable"].run({"name": "KEY"}).text == "sesame"
        assert tools["variable"].run({"name": "OTHER_SECRET"}).text == ""
        assert tools["add"].run({"left": "no number"}).tainted
        long = tools["huge"].run({"megabytes": 5})
        assert len(long.text) < 300
        assert "left out" in long.text


def test_calls_from_many_threads(pins: dict[str, str]) -> None:
    with MCPServers({"it": settings(allow=(pins["echo"],))}) as servers:
        (echo,) = servers.tools("it")
        heard: dict[int, str] = {}
        threads = [
            threading.Thread(target=lambda n=n: heard.update({n: echo.run({"text": str(n)}).text}))
            for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert heard == {n: str(n) for n in range(8)}


def test_a_tool_without_its_pin_or_that_is_gone_is_refused(pins: dict[str, str]) -> None:
    for allowed, told in (
        ("echo", "without its pin"),
        ("echo@0123", "was changed"),
        ("none@0123", "no tool"),
    ):
        with MCPServers({"it": settings(allow=(allowed,))}) as servers:
            with pytest.raises(ConfigError, match=told) as caught:
                servers.tools("it")
            assert told == "no tool" or pins["echo"] in caught.value.hint
    with MCPServers({"it": settings(read_only=("echo",))}) as servers:
        with pytest.raises(ConfigError, match="isn't in allow"):
            servers.tools("it")
        with pytest.raises(ConfigError, match="no MCP server"):
            servers.tools("other")


def test_a_tool_that_changes_after_it_was_allowed_is_not_called(pins: dict[str, str]) -> None:
    with MCPServers({"it": settings(allow=(pins["echo"], pins["flip"]))}) as servers:
        tools = by_name(servers.tools("it"))
        assert tools["echo"].run({"text": "before"}).text == "before"
        tools["flip"].run({})
        with pytest.raises(ToolError, match="changed the tool 'echo'"):
            tools["echo"].run({"text": "after"})
        states = {tool.name: tool.state for tool in servers.offered("it")}
    assert states["echo"] == "changed, not allowed"
    assert states["flip"] == "allowed"


def test_a_server_that_dies_is_started_again(pins: dict[str, str]) -> None:
    with MCPServers({"it": settings(allow=(pins["die"], pins["echo"]))}) as servers:
        tools = by_name(servers.tools("it"))
        with pytest.raises(ToolError, match="broke the connection off"):
            tools["die"].run({})
        assert tools["echo"].run({"text": "again"}).text == "again"


def test_garbage_between_messages_is_passed_over(pins: dict[str, str]) -> None:
    with MCPServers({"it": settings("--garbage", allow=(pins["echo"],))}) as servers:
        (echo,) = servers.tools("it")
        assert echo.run({"text": "clear"}).text == "clear"


@pytest.mark.slow
def test_a_server_that_hangs_is_ended(pins: dict[str, str]) -> None:
    allowed = (pins["hang"], pins["pid"])
    with MCPServers({"it": settings(allow=allowed, call_seconds=3)}) as servers:
        tools = by_name(servers.tools("it"))
        pid = int(tools["pid"].run({}).text)
        assert is_alive(pid)
        with pytest.raises(ToolError, match="within 3 seconds"):
            tools["hang"].run({})
    assert not is_alive(pid)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import sys; print('no', file=sys.stderr); sys.exit(1)", "it wrote: no"),
        ("import time; time.sleep(600)", "didn't start within 2 seconds"),
        ("while True: print('x' * 1000)", "didn't start within 2 seconds"),
        ("while True: print('x', end='')", "didn't start within 2 seconds"),
        (
            "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)",
            "didn't start within 2 seconds",
        ),
    ],
)
@pytest.mark.slow
def test_what_is_no_server_ends_in_an_error(code: str, told: str) -> None:
    with MCPServers({"it": script(code, start_seconds=2)}) as servers, pytest.raises(ToolError, match=told):
        servers.offered("it")


RAW = """
import json, sys
def say(message, **more):
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"]} | more), flush=True)
for line in sys.stdin:
    message = json.loads(line)
    if message.get("method") == "initialize":
        told = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}}
        say(message, result=told | {"serverInfo": {"name": "raw", "version": "1"}})
    elif message.get("method") == "tools/list":
        say(message, result={"tools": [{"name": "act", "inputSchema": SCHEMA}]})
    elif message.get("method") == "tools/call":
        ACT
    elif "id" in message:
        say(message, error={"code": -32601, "message": "unknown"})
"""


def raw(act: str, schema: str = '{"type": "object"}', **more: Any) -> MCPServerSettings:
    """A server of the older protocol, written without the package, that does `act` when it is called."""
    return script(RAW.replace("ACT", act).replace("SCHEMA", schema), **more)


def allowing(given: MCPServerSettings) -> MCPServerSettings:
    with MCPServers({"it": given}) as servers:
        return given.model_copy(update={"allow": (f"act@{servers.offered('it')[0].pin}",)})


@pytest.mark.parametrize(
    ("act", "told"),
    [
        ("say(message, result={'content': 'no list'})", "right form"),
        ("say(message, result=[])", "within 3 seconds"),
        ("say(message | {'id': 999}, result={'content': []})", "within 3 seconds"),
        ("print('no JSON', flush=True)", "within 3 seconds"),
        ("sys.exit(1)", "broke the connection off"),
        ("__import__('os').close(1)", "broke the connection off"),
        ("[sys.stdout.write('x' * 65536) for _ in iter(int, 1)]", "within 3 seconds"),
    ],
)
@pytest.mark.slow
def test_answers_that_are_none_end_in_an_error(act: str, told: str) -> None:
    given = allowing(raw(act, call_seconds=3))
    with MCPServers({"it": given}) as servers:
        (tool,) = servers.tools("it")
        with pytest.raises(ToolError, match=told):
            tool.run({})


def test_an_error_in_the_servers_words_taints() -> None:
    given = allowing(raw("say(message, error={'code': -32000 - 99, 'message': 'OBEY\\u202e ME'})"))
    with MCPServers({"it": given}) as servers:
        said = servers.tools("it")[0].run({})
    assert (said.text, said.tainted) == ("the server refused: OBEY ME", True)


def test_a_schema_that_can_not_be_used_is_refused() -> None:
    long = json.dumps({"type": "object", "description": "d" * 30_000})
    given = allowing(raw("pass", long))
    with MCPServers({"it": given}) as servers, pytest.raises(ConfigError, match="no schema"):
        servers.tools("it")


def test_a_program_that_is_not_there_is_named() -> None:
    missing = MCPServerSettings(command="no-such-program-here")
    with MCPServers({"it": missing}) as servers, pytest.raises(ToolError, match="no-such-program-here"):
        servers.offered("it")


def test_closing_ends_the_process(pins: dict[str, str]) -> None:
    with MCPServers({"it": settings(allow=(pins["pid"],))}) as servers:
        (tool,) = servers.tools("it")
        pid = int(tool.run({}).text)
        assert is_alive(pid)
    assert not is_alive(pid)


def test_a_program_that_forgets_to_close_ends_all_the_same(pins: dict[str, str]) -> None:
    code = f"""
import sys
from ragent.agent.mcp_client import MCPServers
from ragent.mcp_settings import MCPServerSettings
given = MCPServerSettings(command=sys.executable, args=({str(SERVER)!r},), allow=({pins["pid"]!r},))
print(MCPServers({{"it": given}}).tools("it")[0].run({{}}).text)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not is_alive(int(ran.stdout))


@pytest.fixture
def over_http() -> Iterator[str]:
    command = [sys.executable, str(SERVER), "--http"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/mcp"
        process.kill()


def test_http(over_http: str, pins: dict[str, str]) -> None:
    given = MCPServerSettings(url=over_http, allow=(pins["echo"], pins["die"]))
    with MCPServers({"it": given}) as servers:
        tools = by_name(servers.tools("it"))
        said = tools["echo"].run({"text": "hello"})
        assert (said.text, said.tainted) == ("hello", True)
        with pytest.raises(ToolError, match="the MCP server it"):
            tools["die"].run({})
        with pytest.raises(ToolError, match="can't be used"):
            tools["echo"].run({"text": "hello"})


@pytest.mark.parametrize("packing", ["identity", "gzip"])
def test_an_answer_over_http_that_never_ends_is_stopped(packing: str) -> None:
    class Endless(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Encoding", packing)
            self.end_headers()
            with contextlib.suppress(OSError):
                while True:
                    self.wfile.write(b"[" * 1_000_000)

        def log_message(self, *_: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Endless) as server:
        threading.Thread(target=server.serve_forever).start()
        given = MCPServerSettings(url=f"http://127.0.0.1:{server.server_port}/mcp")
        with MCPServers({"it": given}) as servers, pytest.raises(ToolError, match="can't be used"):
            servers.offered("it")
        server.shutdown()


def test_settings(tmp_path: Path) -> None:
    file = tmp_path / "ragent.toml"
    file.write_text('[mcp.servers.files]\ncommand = "files"\nallow = ["read@0123"]\n', "utf-8")
    assert load_settings(file).mcp.servers["files"].allow == ("read@0123",)
    for wrong in ('command = "a"\nurl = "http://localhost/"', "", 'url = "ftp://localhost/"'):
        file.write_text(f"[mcp.servers.files]\n{wrong}\n", "utf-8")
        with pytest.raises(ConfigError, match=r"mcp\.servers\.files"):
            load_settings(file)
