"""The tools of MCP servers, as tools of agents.

What a server says of its tools is foreign text, and a server may change it once it is trusted. So a tool may
be used only if the settings name it together with its pin, a digest of its name, description and schema, and
that is compared again before each call.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import threading
import unicodedata
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from anyio.from_thread import BlockingPortal, start_blocking_portal

from ragent.agent.mcp_connection import Client, Connection, MCPError
from ragent.agent.tools.showing import bounded
from ragent.errors import ConfigError, ToolError
from ragent.mcp_settings import MCPServerSettings
from ragent.types import Tool, ToolResult

_DESCRIPTION = 1_000
_SCHEMA = 20_000
_PAGES = 50
_PIN = 16


@dataclass(frozen=True, slots=True)
class Offered:
    """A tool as its server describes it: foreign text.

    Attributes:
        name: its name there.
        description: what it is said to do.
        parameters: the JSON Schema of its arguments.
        read_only: whether the server says that it changes nothing. Servers may say anything.
        pin: a digest of name, description and schema.
        state: whether the settings allow it as it is now, once allowed it in another form, or don't name it.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    read_only: bool
    pin: str
    state: str


class MCPServers:
    """Connections to the servers of the settings, each opened at its first use. Threads may share it.

    Close it: that ends the servers' processes. What is left open at the end of the program is closed then.
    """

    def __init__(self, servers: Mapping[str, MCPServerSettings]) -> None:
        self._servers = dict(servers)
        self._lock = threading.Lock()
        self._stack = ExitStack()
        self._portal: BlockingPortal | None = None
        self._connections = {
            name: Connection(name, settings, self._loop) for name, settings in self._servers.items()
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all sessions, the servers that were started, and the background thread."""
        for connection in self._connections.values():
            connection.close()
        with self._lock:
            self._portal = None
            self._stack.close()
        atexit.unregister(self.close)

    def offered(self, server: str) -> list[Offered]:
        """What a server offers now, whether allowed or not.

        Raises:
            ConfigError: the settings name no such server.
            ToolError: it can't be reached.
        """
        settings = self._settings_of(server)
        allowed = _pins(settings)
        return [_offered(listed, allowed) for listed in self._listed(server)]

    def tools(self, server: str) -> list[Tool]:
        """The tools of a server that its settings allow, as `SERVER__TOOL`. Their results are tainted.

        They have side effects, whatever the server says, unless the settings name them in `read_only`.

        Raises:
            ConfigError: the settings name no such server, or a tool that it doesn't offer, or a tool without
                its pin, or one that was changed since.
            ToolError: the server can't be reached.
        """
        settings = self._settings_of(server)
        allowed = _pins(settings)
        if unknown := set(settings.read_only) - set(allowed):
            raise ConfigError(
                f"[mcp.servers.{server}] read_only names {min(unknown)!r}, which isn't in allow"
            )
        if not allowed:
            return []
        listed = {tool.name: tool for tool in self._listed(server)}
        return [self._tool(server, name, pin, listed.get(name)) for name, pin in allowed.items()]

    def _tool(self, server: str, name: str, pin: str, listed: Any) -> Tool:
        where = f"ragent agent tools --mcp {server}"
        if listed is None:
            raise ConfigError(f"the MCP server {server} offers no tool {name!r}", hint=f"see {where}")
        if pin_of(listed) != pin:
            problem = "was changed since it was allowed" if pin else "is allowed without its pin"
            raise ConfigError(
                f"the tool {name!r} of the MCP server {server} {problem}",
                hint=f"read what it says of itself now ({where}), then allow {name}@{pin_of(listed)}",
            )
        schema = _cleaned(dict(listed.input_schema))
        if len(json.dumps(schema)) > _SCHEMA or schema.get("type") != "object":
            raise ConfigError(
                f"the tool {name!r} of the MCP server {server} has no schema that can be used",
                hint=f"a schema is an object of at most {_SCHEMA:,} characters; take the tool out of allow",
            )

        def run(arguments: Mapping[str, Any]) -> ToolResult:
            return self._call(server, name, pin, arguments)

        return Tool(
            f"{server}__{name}",
            bounded(_clean(listed.description or ""), _DESCRIPTION),
            schema,
            run,
            side_effects=name not in self._servers[server].read_only,
        )

    def _call(self, server: str, name: str, pin: str, arguments: Mapping[str, Any]) -> ToolResult:
        async def work(client: Client) -> Any:
            now = next((tool for tool in await _list(client) if tool.name == name), None)
            if now is None or pin_of(now) != pin:
                raise ToolError(
                    f"the MCP server {server} changed the tool {name!r} since it was allowed",
                    hint=f"a person may look at it: ragent agent tools --mcp {server}",
                )
            return await client.call_tool(name, dict(arguments))

        longest = self._servers[server].result_chars
        try:
            result = self._connections[server].run(work)
        except MCPError as error:
            return ToolResult(bounded(f"the server refused: {_clean(error.message)}", longest), tainted=True)
        # An error that a server reports is its own words, and taints: so it isn't raised as one of ours.
        told = f"the tool failed: {_text(result)}" if result.is_error else _text(result)
        return ToolResult(bounded(told, longest), tainted=True)

    def _listed(self, server: str) -> list[Any]:
        try:
            return self._connections[server].run(_list)
        except MCPError as error:
            raise ToolError(f"the MCP server {server} doesn't tell its tools (error {error.code})") from error

    def _settings_of(self, server: str) -> MCPServerSettings:
        if server not in self._servers:
            known = ", ".join(sorted(self._servers)) or "none"
            raise ConfigError(
                f"there is no MCP server {server!r}",
                hint=f"[mcp.servers.NAME] in ragent.toml; known: {known}",
            )
        return self._servers[server]

    def _loop(self) -> BlockingPortal:
        with self._lock:
            if self._portal is None:
                self._portal = self._stack.enter_context(start_blocking_portal(name="ragent-mcp"))
                atexit.register(self.close)
            return self._portal


def pin_of(listed: Any) -> str:
    """A digest of a tool's definition: what a model would be told of it, and so what was allowed."""
    told = [listed.name, listed.description, listed.input_schema]
    canonical = json.dumps(told, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:_PIN]


async def _list(client: Client) -> list[Any]:
    listed: list[Any] = []
    cursor: str | None = None
    for _ in range(_PAGES):
        page = await client.list_tools(cursor=cursor, cache_mode="bypass")
        listed += page.tools
        cursor = page.next_cursor
        if cursor is None:
            return listed
    raise ToolError(f"the server's list of tools has more than {_PAGES} pages")


def _offered(listed: Any, allowed: Mapping[str, str]) -> Offered:
    pin = pin_of(listed)
    known = allowed.get(listed.name)
    state = "not allowed" if known is None else "allowed" if known == pin else "changed, not allowed"
    hints = listed.annotations
    return Offered(
        name=_clean(listed.name),
        description=_clean(listed.description or ""),
        parameters=_cleaned(dict(listed.input_schema)),
        read_only=bool(hints and hints.read_only_hint),
        pin=pin,
        state=state,
    )


def _pins(settings: MCPServerSettings) -> dict[str, str]:
    """The allowed tools, each with its pin, or "" where it was left out."""
    pins = {}
    for entry in settings.allow:
        name, _, pin = entry.rpartition("@")
        pins[name or entry] = pin if name else ""
    return pins


def _text(result: Any) -> str:
    """A result as text. What is no text is named, with its kind and size."""
    parts = [_part(part) for part in result.content]
    if not parts and result.structured_content is not None:
        parts = [json.dumps(result.structured_content, ensure_ascii=False)]
    return "\n".join(parts)


def _part(part: Any) -> str:
    if part.type == "text":
        return str(part.text)
    if part.type == "resource" and hasattr(part.resource, "text"):
        return str(part.resource.text)
    if part.type == "resource_link":
        return f"[link: {part.uri}]"
    data = part.resource.blob if part.type == "resource" else part.data
    return f"[{part.type}, {len(data) * 3 // 4} bytes]"


def _clean(text: str) -> str:
    """A text without characters that a person doesn't see but a model reads (Unicode's Cc, Cf, Co and Cs)."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Co", "Cs"))


def _cleaned(schema: Any) -> Any:
    """A schema whose descriptions and titles are clean. All else in it has a meaning for its validation."""
    if isinstance(schema, list):
        return [_cleaned(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _clean(value) if key in ("description", "title") and isinstance(value, str) else _cleaned(value)
        for key, value in schema.items()
    }
