"""Tells whether a chat template can only do work in proportion to the messages, however hostile its author.

It says so only of templates made from a few kinds of parts, which are those that most models' templates are
made from: loops over messages and over what is in one of them, tests, concatenation, and functions whose
result is no longer than what they are given. Loops over numbers, macros and repeated text are none of these.
Sums and the whole may still become as long as the square of what is given: their length must be watched.
"""

from __future__ import annotations

from jinja2 import nodes

_FUNCTIONS = {"raise_exception", "namespace"}
_METHODS = {"strip", "lstrip", "rstrip", "split", "startswith", "endswith", "lower", "upper", "title"}
_METHODS |= {"items", "keys", "values", "get"}
_FILTERS = {"trim", "tojson", "length", "count", "first", "last", "string", "list", "upper", "lower"}
_FILTERS |= {"capitalize", "safe", "items", "reverse", "int"}
_FILTERS_WITH_NAMES = {"default", "d", "selectattr", "rejectattr"}
_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.For, nodes.If, nodes.Assign, nodes.Continue,
    nodes.Break, nodes.Name, nodes.NSRef, nodes.Const, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair,
    nodes.Keyword, nodes.CondExpr, nodes.Filter, nodes.Test, nodes.Call, nodes.Getitem, nodes.Getattr,
    nodes.Slice, nodes.Concat, nodes.Compare, nodes.Operand, nodes.Add, nodes.Sub, nodes.Not, nodes.Neg,
    nodes.And, nodes.Or, nodes.Mod,
)  # fmt: skip


def is_bounded(template: nodes.Template) -> bool:
    """Whether a parsed template's work is in proportion to its input. False also where that isn't clear."""
    made = {name.name for name in template.find_all(nodes.Name) if name.ctx == "store"}
    made |= {name.name for name in template.find_all(nodes.NSRef)}
    return _loops_are_bounded(template, ()) and all(_is_tame(node, made) for node in _all(template))


def _all(node: nodes.Node) -> list[nodes.Node]:
    found, rest = [], [node]
    while rest:
        found.append(rest.pop())
        rest.extend(found[-1].iter_child_nodes())
    return found


def _is_tame(node: nodes.Node, made: set[str]) -> bool:
    match node:
        case nodes.Call(node=nodes.Name(name=name)):
            tame = name in _FUNCTIONS
        case nodes.Call(node=nodes.Getattr(attr=name)):
            tame = name in _METHODS
        case nodes.Call():
            tame = False
        case nodes.Filter(name=name):
            tame = name in _FILTERS_WITH_NAMES or (name in _FILTERS and not (node.args or node.kwargs))
        case nodes.Mod():  # of anything but a number, it is a format
            tame = isinstance(node.left, nodes.Getattr) and _root(node.left) == "loop"
        case nodes.Assign(node=value):
            # What is made of two things that grow could double with each turn.
            parts = _all(value)
            growing = sum(isinstance(one, nodes.Name) and one.name in made for one in parts)
            tame = growing == 0 or (growing == 1 and not any(isinstance(one, nodes.Concat) for one in parts))
        case _:
            tame = isinstance(node, _ALLOWED)
    return tame


def _loops_are_bounded(node: nodes.Node, around: tuple[str, ...]) -> bool:
    """Whether a loop within another, if any, is over what belongs to the turn of the outer one."""
    inside = around
    if isinstance(node, nodes.For):
        if node.recursive or (around and (len(around) > 1 or _root(node.iter) != around[0])):
            return False
        target = node.target.name if isinstance(node.target, nodes.Name) else ""
        inside = (*around, target)
    return all(_loops_are_bounded(child, inside) for child in node.iter_child_nodes())


def _root(node: nodes.Node) -> str:
    while isinstance(node, nodes.Getattr | nodes.Getitem | nodes.Filter | nodes.Call):
        if node.node is None:
            return ""
        node = node.node
    return node.name if isinstance(node, nodes.Name) else ""
