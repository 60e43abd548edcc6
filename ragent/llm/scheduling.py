"""Requests in progress, and what each of them has of the next batch."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue

from ragent.llm.native import Row
from ragent.llm.prefixes import Held
from ragent.llm.speculating import Drafting
from ragent.llm.stitching import Span
from ragent.llm.writing import Writing
from ragent.types import Delta, Usage

_LOG = logging.getLogger("ragent.llm")
_PROMPT_TOKENS_IN_COMPANY = 128


@dataclass(slots=True, eq=False)
class Request:
    """One output that somebody waits for.

    Attributes:
        prompt: its tokens.
        writing: the output.
        deadline: when it must be complete, by `time.monotonic`.
        passages: what of the prompt may be stitched, until that is done.
        drafting: None: nothing is drafted for it.
        out: where the output's pieces go.
        cancelled: whether nobody waits any more.
        held: what was read of it; None until its turn comes.
        pending: the tokens still to be read; at first the prompt, and then one at a time.
        draft: what may follow a single pending token: it is read along with it, to see whether it does.
        reused: how many tokens of the prompt needn't be read.
        spent: how many were computed to put them together.
    """

    prompt: Sequence[int]
    writing: Writing
    deadline: float
    passages: Sequence[Span] = ()
    drafting: Drafting | None = None
    out: SimpleQueue[Delta | Exception] = field(default_factory=SimpleQueue)
    cancelled: bool = False
    held: Held | None = None
    pending: Sequence[int] = ()
    draft: Sequence[int] = ()
    reused: int = 0
    spent: int = 0

    @property
    def room(self) -> int:
        """The most tokens, prompt and output, that there may be."""
        return len(self.prompt) + self.writing.limit

    @property
    def usage(self) -> Usage:
        """Its tokens so far."""
        drafted, accepted = (self.drafting.drafted, self.drafting.accepted) if self.drafting else (0, 0)
        reused = max(0, self.reused - self.spent)
        return Usage(len(self.prompt), self.writing.produced, reused, drafted, accepted)

    def rows(self, share: int) -> Iterator[Row]:
        """The first `share` pending tokens, and the draft, where it is its turn."""
        assert self.held  # noqa: S101  active requests have it
        place = len(self.held.tokens)
        last = len(self.pending) - 1
        for n, token in enumerate(self.pending[:share]):
            yield Row(token, place + n, self.held.sequence, n == last)
        for n, token in enumerate(self.draft):
            yield Row(token, place + 1 + n, self.held.sequence, True)


def plan_drafts(active: Sequence[Request], batch: int) -> None:
    """Guess how the outputs go on.

    Args:
        active: all requests in progress.
        batch: the most rows of a batch; drafts leave each request a fair part of it.
    """
    for request in active:
        request.draft = ()
        drafting = request.drafting
        # Rows that others fill with tokens of their own are better used than by guesses.
        if not drafting or not (len(active) == 1 or drafting.in_company):
            continue
        if request.held and len(request.pending) == 1:
            tokens = [*request.held.tokens, *request.pending]
            try:
                request.draft = drafting.draft(tokens, batch // len(active) - 1)
            except Exception as error:  # of its constraint, which will fail by itself if it must
                _LOG.warning("nothing more is drafted for this output: %s", error)
                request.drafting = None


def shares(active: Sequence[Request], batch: int) -> dict[Request, int]:
    """How many of its pending tokens each request may have read in the next batch, of so many rows."""
    writing = [one for one in active if len(one.pending) == 1]
    reading = [one for one in active if len(one.pending) > 1]
    shared = dict.fromkeys(writing, 1)
    left = batch - sum(1 + len(one.draft) for one in writing)
    budget = min(left, _PROMPT_TOKENS_IN_COMPANY) if writing else left
    reading.sort(key=lambda one: len(one.pending))
    for n, request in enumerate(reading):
        # What a short rest leaves of its share goes to the longer ones.
        share = min(len(request.pending), budget // (len(reading) - n))
        # The end of a prompt is never read alone: llama.cpp computes a single row in another way.
        share -= share == len(request.pending) - 1
        budget -= share
        if share:
            shared[request] = share
    return shared
