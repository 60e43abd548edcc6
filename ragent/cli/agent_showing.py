"""Shows the runs of agents, to people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import typer

from ragent.cli.face import Face

if TYPE_CHECKING:
    from rich.tree import Tree

    from ragent.agent import Run, SavedRuns, Step

_SHOWN_CHARS = 600


def print_step(face: Face, step: Step) -> None:
    """A step, as it happens."""
    from ragent.agent.plain import visible

    face.messages.print(f"{step.number}. {visible(step.thought)}", markup=False, style="dim")
    for line in _lines(step):
        face.messages.print(f"   {line}", markup=False, style="cyan" if line.startswith("→") else "dim")


def _lines(step: Step) -> Iterator[str]:
    from ragent.agent.plain import as_json, cut, visible

    for at, observation in enumerate(step.observations):
        if at < len(step.calls):
            called = f"→ {step.calls[at].tool} {as_json(step.calls[at].arguments)}"
            yield visible(cut(called, _SHOWN_CHARS)[0])
        yield visible(cut(" ".join(observation.text.split()), _SHOWN_CHARS)[0])


def print_end(face: Face, done: Run) -> None:
    """What a run came to: the answer on stdout."""
    from ragent.agent.plain import as_json, visible

    if done.output is not None:
        typer.echo(visible(done.output if isinstance(done.output, str) else as_json(done.output)))
    if done.stop_reason != "answer":
        note = visible(done.note)
        face.messages.print(f"no answer ({done.stop_reason}): {note}", markup=False, style="yellow")
        face.messages.print(f"to go on: ragent agent resume {done.id}", markup=False)


def contract(done: Run) -> dict[str, Any]:
    """A run as JSON."""
    return {
        "id": done.id,
        "task": done.task,
        "output": done.output,
        "stop_reason": done.stop_reason,
        "note": done.note,
        "tainted": done.tainted,
        "seconds": done.seconds,
        "steps": [entry for step in done.steps for entry in _entries(step)],
        "usage": done.usage,
    }


def _entries(step: Step) -> Iterator[dict[str, Any]]:
    """A step as many entries as it has calls; what holds for all of them is in each."""
    whole = {"number": step.number, "thought": step.thought, "seconds": step.seconds, "tainted": step.tainted}
    for at in range(max(1, len(step.calls))):
        call = step.calls[at] if at < len(step.calls) else None
        observed = step.observations[at] if at < len(step.observations) else None
        yield whole | {
            "tool": call.tool if call else None,
            "arguments": call.arguments if call else None,
            "observation": observed.text if observed else None,
            "kind": observed.kind if observed else None,
            "usage": step.usage,
            "unseen": step.unseen,
            "shortened": step.shortened,
        }


def nested(runs: SavedRuns, done: Run) -> dict[str, Any]:
    """The same with the runs of its sub-agents."""
    return contract(done) | {"children": [nested(runs, child) for child in runs.children(done.id)]}


def tree_of(runs: SavedRuns, done: Run) -> Tree:
    """A run with its steps, their times and tokens, and the runs of its sub-agents."""
    from rich.text import Text
    from rich.tree import Tree

    from ragent.agent.plain import visible

    tokens = f"{done.usage.prompt_tokens}+{done.usage.completion_tokens} tokens"
    ended = done.stop_reason or "not over"
    tree = Tree(Text(f"{visible(done.task)}  [{done.id}: {ended}, {done.seconds:.2f} s, {tokens}]"))
    for step in done.steps:
        took = f"{step.seconds:.2f} s, {step.usage.prompt_tokens}+{step.usage.completion_tokens} tokens"
        node = tree.add(Text(f"{step.number}. {visible(step.thought)}  [{took}]"))
        for line in _lines(step):
            node.add(Text(line))
    for child in runs.children(done.id):
        tree.add(tree_of(runs, child))
    if done.output is not None or done.note:
        told = done.output if done.output is not None else done.note
        tree.add(Text(visible(f"{ended}: {told}")))
    return tree
