"""`ragent agent run`, `resume`, `list`, `show` and `cancel`."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragent.cli.agent_showing import contract, nested, print_end, print_step, tree_of
from ragent.cli.face import FAILED, INTERRUPTED, CollectionOption, Face, HomeOption, JsonOption, read_schema
from ragent.errors import ConfigError

if TYPE_CHECKING:
    from ragent.agent import Agent, Call, Run, Step
    from ragent.rag import Rag
    from ragent.types import Tool

_MCP = "mcp:"

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, of `ragent agent list`.")]
StepsOption = Annotated[
    int | None,
    typer.Option(
        "--max-steps", min=1, metavar="N", help="Steps at most (agent.max_steps).", show_default=False
    ),
]
SecondsOption = Annotated[
    float | None,
    typer.Option("--max-seconds", min=0, metavar="S", help="Time at most (no limit).", show_default=False),
]
TokensOption = Annotated[
    int | None,
    typer.Option("--max-tokens", min=1, metavar="N", help="Tokens at most, prompts included (no limit)."),
]
ConsentOption = Annotated[
    bool | None,
    typer.Option(
        "--yes/--ask",
        help="Agree to every call, or be asked about each with side effects (asked on a terminal, once text"
        " from elsewhere was read).",
        show_default=False,
    ),
]


def run(
    context: typer.Context,
    task: Annotated[str, typer.Argument(help="What is to be done, in quotes.")],
    tools: Annotated[
        str | None,
        typer.Option(
            "--tools", metavar="A,B", help="Names of `ragent agent tools`, mcp:SERVER (those enabled)."
        ),
    ] = None,
    max_steps: StepsOption = None,
    max_seconds: SecondsOption = None,
    max_tokens: TokensOption = None,
    schema: Annotated[
        Path | None,
        typer.Option(
            "--schema", metavar="FILE", exists=True, dir_okay=False, help="JSON Schema of the answer."
        ),
    ] = None,
    consent: ConsentOption = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Plan the steps first, and do each by itself.")
    ] = False,
    critique: Annotated[
        bool, typer.Option("--critique", help="Check the answer against what was observed, and revise it.")
    ] = False,
    home: HomeOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Do a task with tools, step by step. Every step is kept: what is interrupted can be resumed.

    Once an agent has read text from elsewhere (documents, web pages), a tool with side effects needs a yes:
    without a terminal to ask on, such calls are refused. Exit code 0 if it ends with an answer.
    """
    face = Face(context, home, collection, as_json)
    with face.rag() as rag:
        names = [name.strip() for name in tools.split(",") if name.strip()] if tools is not None else None
        made_with = {
            "tools": list(rag.settings.tools.enabled) if names is None else names,
            "schema": read_schema(schema) if schema else None,
            "collection": rag.settings.collection,
            "limits": {
                "steps": max_steps or rag.settings.agent.max_steps,
                "seconds": max_seconds,
                "tokens": max_tokens,
            },
            "plan": plan,
            "critique": critique,
        }
        with _agent(face, rag, (task, made_with), consent) as agent:
            stop = stopping()
            _follow(face, agent.stream(task, should_stop=stop.is_set), stop)


def resume(
    context: typer.Context,
    run_id: RunArgument,
    max_steps: StepsOption = None,
    max_seconds: SecondsOption = None,
    max_tokens: TokensOption = None,
    consent: ConsentOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Go on with a run after its last step, with the tools it had. Limits count anew from there.

    A call with side effects in which it was interrupted is repeated only if you say so.
    """
    from ragent.agent import SavedRuns

    face = Face(context, home, None, as_json)
    with face.rag() as rag:
        before, made_with = SavedRuns(rag.store).load(run_id), dict(SavedRuns(rag.store).made(run_id))
    if not made_with:
        raise ConfigError(
            f"the run {run_id} is of a program of its own", hint="resume it there: Agent.resume"
        )
    face.collection = made_with["collection"]
    limits: dict[str, Any] = dict(made_with["limits"])
    made_with["limits"] = {
        "steps": len(before.steps) + (max_steps or limits["steps"]),
        "seconds": _and(before.seconds, max_seconds or limits["seconds"]),
        "tokens": _and(
            before.usage.prompt_tokens + before.usage.completion_tokens, max_tokens or limits["tokens"]
        ),
    }
    with face.rag() as rag, _agent(face, rag, (before.task, made_with), consent) as agent:
        stop = stopping()
        _follow(face, agent.stream_resumed(run_id, should_stop=stop.is_set), stop)


def list_runs(
    context: typer.Context,
    most: Annotated[int, typer.Option("-n", min=1, metavar="N", help="How many.")] = 20,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the newest runs. One that isn't over runs somewhere, or its process died: `resume` goes on."""
    from ragent.agent import SavedRuns

    face = Face(context, home, None, as_json)
    with face.rag() as rag:
        found = SavedRuns(rag.store).newest(most)
    if face.as_json:
        face.print_json(
            [
                {
                    "id": one.id,
                    "task": one.task,
                    "stop_reason": one.stop_reason,
                    "began": began.isoformat(),
                    "seconds": one.seconds,
                    "tainted": one.tainted,
                    "parent": one.parent or None,
                }
                for one, began in found
            ]
        )
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table("run", "began", "ended by", "seconds", "task", box=None)
    for one, began in found:
        ended = one.stop_reason or "not over"
        when = f"{began.astimezone():%Y-%m-%d %H:%M}"
        table.add_row(one.id, when, ended, f"{one.seconds:.1f}", escape(" ".join(one.task.split())[:80]))
    face.console.print(table)


def show(
    context: typer.Context, run_id: RunArgument, home: HomeOption = None, as_json: JsonOption = False
) -> None:
    """Show a run as a tree: its steps, with times and tokens, and the runs of its sub-agents."""
    from ragent.agent import SavedRuns

    face = Face(context, home, None, as_json)
    with face.rag() as rag:
        runs = SavedRuns(rag.store)
        if face.as_json:
            face.print_json(nested(runs, runs.load(run_id)))
        else:
            face.console.print(tree_of(runs, runs.load(run_id)))


def cancel(
    context: typer.Context, run_id: RunArgument, home: HomeOption = None, as_json: JsonOption = False
) -> None:
    """Have a run end, in whatever process it runs, before its next step or within the one it thinks about."""
    from ragent.agent import SavedRuns

    face = Face(context, home, None, as_json)
    with face.rag() as rag:
        SavedRuns(rag.store).cancel(run_id)
    if face.as_json:
        face.print_json({"cancelled": run_id})


@contextmanager
def _agent(face: Face, rag: Rag, job: tuple[str, dict[str, Any]], consent: bool | None) -> Iterator[Agent]:
    """For a task, and what its run is made with."""
    from ragent.agent import Agent, Limits, SavedRuns, ask_always, ask_when_tainted
    from ragent.agent.critique import critical
    from ragent.agent.likeness import likest_first
    from ragent.agent.planning import planned
    from ragent.prompts import load_prompt

    def approve(call: Call, why: str) -> bool:
        return bool(consent) or ask_person(face, call, why)

    task, made_with = job
    has_person = consent is not None or (sys.stdin.isatty() and not face.as_json)
    with _tools(rag, made_with["tools"]) as tools:
        agent = Agent(
            rag.llm,
            likest_first(task, tools) if rag.settings.agent.likest_first else tools,
            limits=Limits(**made_with["limits"]),
            policy=ask_always if consent is False else ask_when_tainted,
            approve=approve if has_person else None,
            answer=made_with["schema"] if made_with["schema"] is not None else str,
            runs=SavedRuns(rag.store, made_with),
            prompt=load_prompt("react", rag.home / "prompts"),
            sampling=rag.settings.llm.sampling,
            tracer=rag.tracer,
        )
        agent = planned(agent) if made_with.get("plan") else agent
        yield critical(agent) if made_with.get("critique") else agent


@contextmanager
def _tools(rag: Rag, names: list[str]) -> Iterator[list[Tool]]:
    """The tools of these names; `mcp:SERVER` are those of an MCP server that the settings allow."""
    from ragent.agent import ToolContext, open_tools

    servers = [name.removeprefix(_MCP) for name in names if name.startswith(_MCP)]
    tools = open_tools([name for name in names if not name.startswith(_MCP)], ToolContext.of(rag))
    if not servers:
        yield tools
        return
    from ragent.agent.mcp_client import MCPServers

    with MCPServers(rag.settings.mcp.servers) as opened:
        yield [*tools, *(tool for server in servers for tool in opened.tools(server))]


def ask_person(face: Face, call: Call, why: str) -> bool:
    """Ask on the terminal; whatever isn't a yes is a no."""
    from ragent.agent.plain import as_json, visible

    # Nothing of the step was done yet, so that the run can be resumed before it.
    before = signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    try:
        face.messages.print(visible(f"{call.tool} {as_json(call.arguments)}"), markup=False, style="yellow")
        face.messages.print(f"{why}. Do it? [y/N]", markup=False)
        return sys.stdin.readline().strip().lower() in ("y", "yes")
    finally:
        signal.signal(signal.SIGINT, before)


def stopping() -> threading.Event:
    """Set by Ctrl-C, so that the run ends in order; a second one ends the process at once."""
    stop = threading.Event()

    def handle(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            os._exit(INTERRUPTED)
        stop.set()
        os.write(2, b"ending after this step's thought or tool; again: at once\n")

    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, handle)
    return stop


def _follow(face: Face, parts: Iterator[Step | Run], stop: threading.Event) -> None:
    """Print steps as they happen, and what it comes to; exit."""
    from ragent.agent import Run

    for part in parts:
        if not isinstance(part, Run):
            if not face.as_json:
                print_step(face, part)
            continue
        if face.as_json:
            face.print_json(contract(part))
        else:
            print_end(face, part)
        if stop.is_set() and part.stop_reason == "cancelled":
            sys.exit(INTERRUPTED)
        sys.exit(0 if part.stop_reason == "answer" else FAILED)


def _and(before: float, limit: float | None) -> Any:
    return None if limit is None else before + limit
