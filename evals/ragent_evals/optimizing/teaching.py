"""What an agent's prompt is taught: advice and examples, in marked places that the next search fills anew."""

from __future__ import annotations

import re

from ragent.agent import Run
from ragent.agent.plain import as_json
from ragent.errors import EvalError
from ragent.prompts import Example, PromptTemplate
from ragent_evals.optimizing.candidate import Candidate

ADVICE = (
    "Call a tool for whatever can be looked up or computed, instead of answering from memory.",
    "Read what every tool is for before you choose one, and take the one that the task is about.",
    "Take the arguments from the task, word for word. Leave out what it doesn't mention.",
    "As soon as an observation holds the answer, answer with just the words or the number asked for.",
    "Think in one short sentence, then act.",
)
"""Ways to tell a model how to use tools."""

_USER = "[user]"
_UNFIT = ("endraw", "<|", "<｜")
"""What would end the place of an example, or be a token of control where a chat model reads it."""


def taught(template: PromptTemplate, candidate: Candidate) -> str:
    """The body of a template of agents with a candidate's advice and examples, in place of earlier ones.

    Raises:
        EvalError: it has no line [user].
    """
    body = template.body
    if candidate.instruction:
        body = _with_part(template.name, body, "advice", candidate.instruction)
    if candidate.examples:
        told = "\n".join(f"Task: {one.question}\n{one.answer}" for one in candidate.examples)
        body = _with_part(template.name, body, "examples", f"So it is done:\n{told}")
    return body


def example_of(run: Run) -> Example | None:
    """A run that went well as an example; None for one that shows nothing, or that must not be shown.

    One that read what somebody else wrote is not shown: a prompt is no place for it, where nobody would
    take it for data, and where it would stay when the document is forgotten.
    """
    steps = [step for step in run.steps if step.calls]
    if run.tainted or not steps:
        return None
    lines = []
    for step in steps:
        calls = [{"tool": call.tool, "arguments": call.arguments} for call in step.calls]
        seen = [observation.text for observation in step.observations]
        said = {"thought": step.thought, "action": calls[0] if len(calls) == 1 else calls}
        lines += [f"Step: {as_json(said)}", f"Observation: {as_json(seen[0] if len(seen) == 1 else seen)}"]
    if run.stop_reason == "answer":
        said = {"thought": run.steps[-1].thought, "action": {"answer": run.output}}
        lines.append(f"Step: {as_json(said)}")
    text = "\n".join(lines)
    task = " ".join(run.task.split())
    return None if any(mark in task + text for mark in _UNFIT) else Example(task, text)


def _with_part(prompt: str, body: str, name: str, text: str) -> str:
    """In the place of that name; if there is none yet, at the end of what is said before the task."""
    first, last = f"{{# {name} #}}", f"{{# end of {name} #}}"
    part = f"{first}\n{{% raw %}}\n{text}\n{{% endraw %}}\n{last}"
    old = re.compile(rf"{re.escape(first)}\n.*?\n{re.escape(last)}", re.DOTALL)
    if old.search(body):
        return old.sub(lambda _: part, body)
    before, user, after = body.partition(f"\n{_USER}\n")
    if not user:
        raise EvalError(
            f"the prompt {prompt!r} has no place for {name}", hint=f"it needs a line {_USER} before the task"
        )
    return f"{before}\n\n{part}{user}{after}"
