"""Renders chat templates, which are code from strangers' files, so that they can do no harm.

Jinja's immutable sandbox keeps them from the interpreter (CVE-2024-34359), but not from looping for hours or
filling the memory. A template that could is rendered in a process of its own, with limits.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from jinja2 import Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ragent.llm.bounded import is_bounded

Turns = Sequence[Mapping[str, str]]
Renderer = Callable[[Turns], str]
_SECONDS = 2
_BYTES = 1 << 30
_LONGEST_PROMPT = 10_000_000


class Refused(TemplateError):
    """The template itself called `raise_exception`."""


class Unruly(TemplateError):
    """The template was stopped: it took too long, or too much memory."""


def renderer(source: str, values: Mapping[str, Any]) -> Renderer:
    """What renders a template, given `values` besides the messages.

    Raises:
        Exception: of any kind, if it isn't a template. What is returned may also raise any, and Refused.
    """
    environment = _environment()
    if not is_bounded(environment.parse(source)):
        return lambda turns: _render_apart({"source": source, "values": dict(values), "turns": list(turns)})
    template = environment.from_string(source)
    return lambda turns: _render(template, turns, values)


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.globals = {name: environment.globals[name] for name in ("range", "namespace", "dict")}
    environment.globals["raise_exception"] = _refuse
    environment.intercepted_binops = frozenset("+")
    environment.binop_table["+"] = _add
    return environment


def _add(left: Any, right: Any) -> Any:
    total = left + right
    if isinstance(total, str | list) and len(total) > _LONGEST_PROMPT:
        raise Unruly("the prompt has no end")
    return total


def _render(template: Template, turns: Turns, values: Mapping[str, Any]) -> str:
    pieces, length = [], 0
    for piece in template.generate(messages=turns, **values):
        pieces.append(piece)
        length += len(piece)
        if length > _LONGEST_PROMPT:
            raise Unruly("the prompt has no end")
    return "".join(pieces)


def _refuse(message: str) -> NoReturn:
    raise Refused(message)


def _render_apart(task: Mapping[str, Any]) -> str:
    try:
        done = subprocess.run(
            [sys.executable, "-c", "from ragent.llm.rendering import render_task; render_task()"],
            input=json.dumps(task),
            capture_output=True,
            text=True,
            timeout=5 * _SECONDS,
            check=False,
        )
        said = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise Unruly("it takes too long") from None
    except ValueError:
        raise Unruly("it takes too long, or too much memory") from None
    if "refused" in said:
        raise Refused(said["refused"])
    if "error" in said:
        raise TemplateError(said["error"])
    return str(said["text"])


def render_task() -> None:
    """Render what stdin describes, and tell stdout; for the process apart."""
    task = json.load(sys.stdin)
    _limit()
    try:
        template = _environment().from_string(task["source"])
        said = {"text": _render(template, task["turns"], task["values"])}
    except Refused as refusal:
        said = {"refused": str(refusal)}
    except Unruly as stop:
        said = {"error": str(stop)}
    except MemoryError:
        said = {"error": "it takes too much memory"}
    except Exception as error:  # a template can raise anything
        said = {"error": f"{type(error).__name__}: {error}"[:1000]}
    print(json.dumps(said))  # noqa: T201


def _limit() -> None:
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (_BYTES, _BYTES))
