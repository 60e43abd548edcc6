"""Takes the open span to where a context variable doesn't go by itself: other threads, and generators."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextvars import copy_context
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Result = TypeVar("Result")


def carried(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """The function, whose spans belong to the one that is open now, whatever thread calls it, and when.

    `pool.map(carried(run_tool), calls)`: any number of threads may call it at once.
    """
    context = copy_context()

    def call(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        return context.copy().run(function, *args, **kwargs)

    return call


def within(steps: Iterator[Result]) -> Iterator[Result]:
    """A generator's values, while the spans that it opens stay its own.

    A generator shares the context of whoever asks it for a value, so a span that is open across a `yield`
    would be taken for the parent of what is done there. Here each step runs in a context of its own, begun
    when the first value is asked for.
    """
    context = copy_context()
    try:
        while True:
            try:
                value = context.run(next, steps)
            except StopIteration:
                return
            yield value
    finally:
        close = getattr(steps, "close", None)
        if close:
            context.run(close)
