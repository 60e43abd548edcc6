"""`ragent agent`: tools; its runs are beside it."""

from __future__ import annotations

import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from ragent.cli import agent_memory, agent_runs
from ragent.cli.face import Face, HomeOption, JsonOption

if TYPE_CHECKING:
    from ragent.agent.mcp_client import Offered

app = typer.Typer(help="Agents, and the tools they may use.", no_args_is_help=True)
app.command("run")(agent_runs.run)
app.command("resume")(agent_runs.resume)
app.command("list")(agent_runs.list_runs)
app.command("show")(agent_runs.show)
app.command("cancel")(agent_runs.cancel)
app.add_typer(agent_memory.app, name="memory")


@app.command("tools")
def tools(
    context: typer.Context,
    server: Annotated[
        str | None,
        typer.Option("--mcp", metavar="NAME", help="What this MCP server of the settings offers instead."),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the tools that are installed, or those of an MCP server with what to write to allow them."""
    face = Face(context, home, None, as_json)
    if server:
        _show_server(face, server)
    else:
        _show_installed(face)


def _show_installed(face: Face) -> None:
    from ragent.agent import ToolContext
    from ragent.agent.toolbox import offers

    with face.rag() as rag:
        enabled = rag.settings.tools.enabled
        found = offers(ToolContext.of(rag))
    if face.as_json:
        face.print_json(
            [
                {
                    "name": offer.name,
                    "enabled": offer.name in enabled,
                    "missing": offer.missing,
                    "description": offer.tool.description if offer.tool else "",
                    "side_effects": offer.tool.side_effects if offer.tool else None,
                }
                for offer in found
            ]
        )
        return
    for offer in found:
        state = offer.missing or ("enabled" if offer.name in enabled else "not enabled")
        effects = ", has side effects" if offer.tool and offer.tool.side_effects else ""
        face.console.print(f"{offer.name}: {state}{effects}", markup=False, style="cyan")
        if offer.tool:
            _print_description(face, offer.tool.description)


def _show_server(face: Face, server: str) -> None:
    from ragent.agent.mcp_client import MCPServers

    with face.rag() as rag, MCPServers(rag.settings.mcp.servers) as servers:
        offered = servers.offered(server)
    if face.as_json:
        face.print_json([asdict(tool) for tool in offered])
        return
    for tool in offered:
        _print_offered(face, tool)
    face.messages.print(
        f"The texts are the server's. To allow tools: [mcp.servers.{server}] allow = "
        '["tool@pin", …]; read_only = ["tool", …] for what you know to change nothing.',
        markup=False,
    )


def _print_offered(face: Face, tool: Offered) -> None:
    says = ", says that it changes nothing" if tool.read_only else ""
    face.console.print(f"{tool.name}@{tool.pin}: {tool.state}{says}", markup=False, style="cyan")
    _print_description(face, tool.description)
    for name, schema in tool.parameters.get("properties", {}).items():
        kind = schema.get("type", "any") if isinstance(schema, dict) else "any"
        described = schema.get("description", "") if isinstance(schema, dict) else ""
        _print_description(face, f"{name} ({kind}) {described}")


def _print_description(face: Face, text: str) -> None:
    face.console.print(textwrap.indent(text, "    "), markup=False)
