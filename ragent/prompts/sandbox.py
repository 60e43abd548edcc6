"""Runs templates that others may have written: in Jinja's sandbox, and within limits of work and length.

The sandbox keeps a template from the program around it. It doesn't keep it from running for ever, or from
filling the memory, so whatever can multiply is metered here: loops, operators, filters and methods. What
only a program would need (macros, includes, `namespace`) is not there.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from functools import cache, wraps
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, nodes
from jinja2.exceptions import SecurityError
from jinja2.meta import find_undeclared_variables
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

LONGEST_TEMPLATE = 100_000
"""Characters of a template's file."""

LONGEST_PROMPT = 4_000_000
"""Characters of one message."""

MOST_ROUNDS = 10_000
"""How often the loops of a message may go round, all together."""

MOST_WORK = 50_000_000
"""Characters that the operators and filters of a message may handle, all together; an item counts as 50."""

_ITEM = 50

_FILTERS = (
    "abs capitalize count d default dictsort first float groupby indent int items join last length list lower"
    " map max min reject rejectattr replace reverse round select selectattr sort string striptags title"
    " trim truncate unique upper wordcount wordwrap"
)
_TESTS = (
    "boolean defined divisibleby even false float integer iterable mapping none number odd sequence"
    " string true undefined"
)
_REFUSED = (
    nodes.AssignBlock,
    nodes.Block,
    nodes.CallBlock,
    nodes.Extends,
    nodes.FilterBlock,
    nodes.FromImport,
    nodes.Import,
    nodes.Include,
    nodes.Macro,
    nodes.NSRef,
)


class _Meter:
    """What one rendering did so far."""

    def __init__(self) -> None:
        self.rounds = 0
        self.work = 0

    def go_round(self, items: int) -> None:
        self.rounds += items
        if self.rounds > MOST_ROUNDS:
            raise SecurityError(f"its loops go round more than {MOST_ROUNDS} times")

    def spend(self, work: int) -> None:
        self.work += work
        if self.work > MOST_WORK:
            raise SecurityError("it is too much work: a text or list grows beyond all bounds")


_meter: ContextVar[_Meter] = ContextVar("meter")


def compile_message(source: str, finalize: Callable[[object], str]) -> tuple[Template, set[str]]:
    """Compile the template of one message, and name the values that it uses.

    Args:
        source: Jinja.
        finalize: makes a text of each value that is put in.

    Raises:
        TemplateSyntaxError: it isn't valid, or uses what a prompt can't.
    """
    environment = _environment(finalize)
    try:
        tree = environment.parse(source)
        names = find_undeclared_variables(tree) - environment.globals.keys()
        code = environment.compile(_Metering().visit(tree))
    except (MemoryError, RecursionError, SyntaxError, ValueError) as error:
        raise TemplateSyntaxError(f"it can't be compiled: {error}", 1) from error
    return Template.from_code(environment, code, environment.make_globals(None)), names


def render_message(template: Template, values: Mapping[str, Any]) -> str:
    """Run a template of `compile_message`. Raises anything: it is foreign code."""
    token = _meter.set(_Meter())
    try:
        pieces: list[str] = []
        length = 0
        for piece in template.generate(values):
            pieces.append(piece)
            length += len(piece)
            if length > LONGEST_PROMPT:
                raise SecurityError(f"a message is longer than {LONGEST_PROMPT} characters")
        return "".join(pieces)
    finally:
        _meter.reset(token)


def line_of(error: BaseException) -> int | None:
    """The template's line in which an error arose, if that is known."""
    if isinstance(error, TemplateSyntaxError):
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if frame.filename == "<template>"), None)


class _Metering(NodeTransformer):
    """Puts the meter where a template can loop or build, and refuses what a prompt doesn't need."""

    def generic_visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> nodes.Node:
        if isinstance(node, _REFUSED):
            raise TemplateSyntaxError(f"{type(node).__name__.lower()} can't be used in a prompt", node.lineno)
        visited: nodes.Node = super().generic_visit(node, *args, **kwargs)
        return visited

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 (Jinja calls it by the node's name)
        if node.recursive:
            raise TemplateSyntaxError("a recursive loop can't be used in a prompt", node.lineno)
        self.generic_visit(node)
        node.iter = _filtered(node.iter, "rounds")
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _filtered(nodes.List(node.nodes, lineno=node.lineno), "join")

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.expr = _filtered(node.expr, "weighed")
        for operand in node.ops:
            operand.expr = _filtered(operand.expr, "weighed")
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        if isinstance(node.arg, nodes.Slice):
            node.node = _filtered(node.node, "weighed")
        return node

    def visit_List(self, node: nodes.List) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _filtered(node, "weighed")

    def visit_Dict(self, node: nodes.Dict) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _filtered(node, "weighed")

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return node if node.ctx == "store" else _filtered(node, "weighed")


def _filtered(node: nodes.Node, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


class _Sandbox(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset(["+", "*", "**", "%"])

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" or (operator == "%" and isinstance(left, str)):
            raise SecurityError(f"the operator {operator} can't be used here")
        _meter.get().spend(_size(left) + _size(right) if operator == "+" else _product([left, right]))
        return super().call_binop(context, operator, left, right)

    def wrap_str_format(self, value: Any) -> None:
        if super().wrap_str_format(value):
            raise SecurityError("format can't be used in a prompt: put {{ … }} where a value belongs")

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        _meter.get().spend(_product([getattr(__obj, "__self__", None), *args, *kwargs.values()]))
        return super().call(__context, __obj, *args, **kwargs)


@cache
def _environment(finalize: Callable[[object], str]) -> _Sandbox:
    def put_in(value: object) -> str:
        _meter.get().spend(_size(value))
        return finalize(value)

    # Constants are not computed beforehand: nothing would be metered then.
    environment = _Sandbox(
        undefined=StrictUndefined, finalize=put_in, trim_blocks=True, lstrip_blocks=True, optimized=False
    )
    environment.filters = {name: _metered(environment.filters[name]) for name in _FILTERS.split()}
    environment.filters |= {"rounds": _rounds, "weighed": _weighed, "tojson": _metered(_as_json)}
    environment.tests = {name: environment.tests[name] for name in _TESTS.split()}
    environment.globals = {"range": range}
    return environment


def _metered(function: Callable[..., Any]) -> Callable[..., Any]:
    own_arguments = 1 if hasattr(function, "jinja_pass_arg") else 0

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        _meter.get().spend(_product([*args[own_arguments:], *kwargs.values()]))
        result = function(*args, **kwargs)
        return list(result) if isinstance(result, Iterator) else result

    return call


def _rounds(items: Iterable[Any]) -> list[Any]:
    meter = _meter.get()
    taken = []
    for item in items:
        meter.go_round(1)
        taken.append(item)
    return taken


def _as_json(value: Any, indent: int | None = None) -> str:
    """For a model to read: Jinja's own escapes what would be markup in a web page, and sorts the names."""
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _weighed(value: Any) -> Any:
    _meter.get().spend(_size(value))
    return value


def _product(values: Iterable[Any]) -> int:
    """A bound on what can come of some values: a number repeats a text, a text goes between others."""
    product = 1
    for value in values:
        is_number = isinstance(value, int) and not isinstance(value, bool)
        product *= max(1, abs(value) if is_number else _size(value))
    return product


def _size(value: Any) -> int:
    """Characters of a value, and its items by their weight, each as often as it would be written."""
    total = 0
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping):
            waiting += part.keys()
            waiting += part.values()
        elif isinstance(part, (list, tuple, set, frozenset)):
            waiting += part
        if isinstance(part, (str, bytes)):
            total += len(part)
        else:
            total += _ITEM * (len(part) if isinstance(part, range) else 1)
        if total > MOST_WORK:
            break
    return total
