"""`ragent mcp` as other programs see it: the package's own client, against the server in its own process."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import pytest
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, TextContent, TextResourceContents

from tests.mcp.conftest import DOCUMENTS, command, environment

Given = TypeVar("Given")


def over_stdio(home: Path, work: Callable[[Client], Awaitable[Given]], *arguments: str) -> Given:
    program, *rest = command(home, *arguments)
    server = StdioServerParameters(command=program, args=rest, env=environment())

    async def run() -> Given:
        async with Client(server) as client:
            return await work(client)

    return asyncio.run(run())


def text_of(result: CallToolResult) -> str:
    return "\n".join(part.text for part in result.content if isinstance(part, TextContent))


def proves(cited: dict[str, Any]) -> bool:
    """Whether a quote is what its document says from `start` to `end`."""
    text = DOCUMENTS[cited["uri"].rpartition("/")[2]]
    return text[cited["start"] : cited["end"]] == cited["quote"]


def test_search_open_and_resources(home: Path) -> None:
    async def work(client: Client) -> None:
        offered = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(offered) == {"search", "ask", "open"}
        assert all(tool.annotations and tool.annotations.read_only_hint for tool in offered.values())

        found = await client.call_tool("search", {"query": "who opens the gate?", "k": 1})
        assert found.structured_content
        (passage,) = found.structured_content["passages"]
        assert proves(passage)
        assert passage["quote"] in text_of(found)
        assert passage["uri"] in text_of(found)

        span = {"document": passage["document"], "start": 4, "end": 11}
        opened = await client.call_tool("open", span)
        assert opened.structured_content
        assert opened.structured_content["text"] == "harbour"
        assert "goes on: open with start=11" in text_of(opened)
        by_uri = await client.call_tool("open", {"document": passage["uri"], "start": 4, "end": 11})
        assert by_uri.structured_content == opened.structured_content

        resource = await client.read_resource(f"ragent://document/{passage['document']}")
        (whole,) = resource.contents
        assert isinstance(whole, TextResourceContents)
        assert whole.text == DOCUMENTS["gate.txt"]

    over_stdio(home, work)


def test_errors_are_told_and_end_nothing(home: Path) -> None:
    async def work(client: Client) -> None:
        for name, arguments, told in (
            ("search", {"query": " "}, "say in words what to look for"),
            ("search", {"query": "gate", "k": 0}, "greater than or equal to 1"),
            ("search", {"query": "gate", "where": ["="]}, "filter"),
            ("open", {"document": 999}, "`search` tells ids and uris"),
            ("open", {"document": "9" * 500}, "there is no document"),
            ("open", {"document": 1, "start": 10_000}, "smaller start"),
            ("ask", {}, "Field required"),
            ("ingest", {"path": "/"}, "ingest"),
        ):
            result = await client.call_tool(name, arguments)
            assert result.is_error, name
            assert told in text_of(result)
        with pytest.raises(MCPError, match="there is no document"):
            await client.read_resource("ragent://document/999")
        assert not (await client.call_tool("search", {"query": "gate"})).is_error

    over_stdio(home, work)


def test_ingest_takes_what_lies_in_the_allowed_folder_only(tmp_path: Path, documents: Path) -> None:
    folder = tmp_path / "allowed"
    folder.mkdir()
    (folder / "note.txt").write_text("The lamp burns oil.", "utf-8")
    (folder / "out").symlink_to(documents)

    async def work(client: Client) -> None:
        empty = await client.call_tool("search", {"query": "lamp"})
        assert empty.is_error
        assert "ragent ingest" in text_of(empty)
        for path in (
            documents,
            folder / "out",
            folder / "..",
            folder / "gone.txt",
            "https://example.org/",
            "\0",
        ):
            refused = await client.call_tool("ingest", {"path": str(path)})
            assert refused.is_error
            assert "may be read here" in text_of(refused)
        taken = await client.call_tool("ingest", {"path": str(folder)})
        assert taken.structured_content
        assert taken.structured_content["added"] == 1
        found = await client.call_tool("search", {"query": "lamp"})
        assert "The lamp burns oil." in text_of(found)

    over_stdio(tmp_path / "home", work, "--allow-ingest", str(folder))


@pytest.mark.slow
def test_ask_answers_with_quotes_that_are_true(home: Path) -> None:
    async def work(client: Client) -> None:
        answer = await client.call_tool("ask", {"question": "Who opens the harbour gate?", "k": 2})
        assert answer.structured_content
        assert not answer.structured_content["abstained"]
        citations = answer.structured_content["citations"]
        assert citations
        assert all(proves(cited) for cited in citations)
        assert "Ada Moor" in text_of(answer)

    over_stdio(home, work)


def test_the_older_handshake_works_and_stdout_carries_the_protocol_only(home: Path) -> None:
    hello = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        },
    }
    call = {
        "jsonrpc": "2.0",
        "id": 2,
        "method": "tools/call",
        "params": {"name": "search", "arguments": {"query": "gate"}},
    }
    with subprocess.Popen(
        command(home), env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        lines = []
        for message in (hello, call):
            process.stdin.write("no JSON at all\n" + json.dumps(message) + "\n")
            process.stdin.flush()
            lines.append(process.stdout.readline())
        process.stdin.close()
        lines += process.stdout.readlines()
        assert process.wait(20) == 0
    answers = [json.loads(line) for line in lines]
    assert all(answer["jsonrpc"] == "2.0" for answer in answers)
    assert [answer["id"] for answer in answers if "result" in answer] == [1, 2]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it(home: Path, number: int) -> None:
    with subprocess.Popen(
        command(home), env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        ping = {"jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": {}}
        process.stdin.write(json.dumps(ping) + "\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["id"] == 1
        process.send_signal(number)
        assert process.wait(20) == 0


def test_http(over_http: str) -> None:
    async def work() -> None:
        headers = {"Authorization": "Bearer sesame"}
        async with (
            httpx2.AsyncClient(headers=headers) as http,
            Client(streamable_http_client(over_http, http_client=http)) as client,
        ):
            found = await client.call_tool("search", {"query": "small boats", "k": 1})
            assert found.structured_content
            assert proves(found.structured_content["passages"][0])

    asyncio.run(work())


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer simsim"}, 401),
        ({"Authorization": "Bearer sésame".encode()}, 401),
        ({"Authorization": "Bearer sesame", "Host": "evil.example"}, 421),
        ({"Authorization": "Bearer sesame", "Host": "127.0.0.1.evil.example:80"}, 421),
        ({"Authorization": "Bearer sesame", "Origin": "https://evil.example"}, 403),
    ],
)
def test_http_refuses_strangers(over_http: str, headers: dict[str, Any], status: int) -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    accept = {"Accept": "application/json, text/event-stream"}
    assert httpx2.post(over_http, json=message, headers=accept | headers).status_code == status


def test_http_refuses_large_bodies(over_http: str) -> None:
    headers = {"Authorization": "Bearer sesame", "Content-Type": "application/json"}
    assert httpx2.post(over_http, content=b"[" * 1_000_001, headers=headers).status_code == 413


def test_an_open_address_needs_a_token(home: Path) -> None:
    ran = subprocess.run(
        command(home, "--http", "--host", "0.0.0.0"),
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2
    assert "RAGENT_SECRET_MCP" in ran.stderr
