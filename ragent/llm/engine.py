"""One model, many callers: their requests are written side by side, in one batch.

One thread owns the context. Each step it reads one batch: the next token of every output in progress, and
pieces of new prompts, shared out evenly, so that a long prompt doesn't hold up what others are reading.
"""

from __future__ import annotations

import logging
import time
import weakref
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Condition, Thread, current_thread

from ragent.errors import LLMError, RagentError
from ragent.llm.native import Context, Model, Row, Shape
from ragent.llm.prefixes import Held, Prefixes
from ragent.llm.states import States
from ragent.llm.writing import Writing
from ragent.types import Delta, Usage

_LOG = logging.getLogger("ragent.llm")
_PROMPT_TOKENS_IN_COMPANY = 128


@dataclass(slots=True, eq=False)
class _Request:
    """`pending` are the tokens still to be read; at first the prompt, and then one at a time."""

    prompt: Sequence[int]
    writing: Writing
    deadline: float
    out: SimpleQueue[Delta | Exception] = field(default_factory=SimpleQueue)
    cancelled: bool = False
    held: Held | None = None
    pending: Sequence[int] = ()
    reused: int = 0

    @property
    def room(self) -> int:
        return len(self.prompt) + self.writing.limit


class Engine:
    """Writes what any number of threads ask for."""

    def __init__(self, model: Model, shape: Shape, parallel: int, states: States | None = None) -> None:
        """Make the context, and start the thread that works on it.

        Args:
            model: loaded.
            shape: the context's; it has more `sequences` than `parallel`, to keep beginnings in.
            parallel: the most outputs at once; further requests wait, the first come first.
            states: where to keep on disk what was read.

        Raises:
            LLMError: there isn't enough memory.
        """
        self._cells = shape.cells
        context = Context(model, shape)
        prefixes = Prefixes(context, shape, states, can_be_cut=model.can_be_cut)
        self._worker = _Worker(context, prefixes, shape.batch, parallel)
        self.close = weakref.finalize(self, self._worker.stop)

    def generate(self, prompt: Sequence[int], writing: Writing, timeout: float | None) -> Iterator[Delta]:
        """Give an output piece by piece; closing the iterator stops it.

        Args:
            prompt: its tokens; with the output's limit they must not be more than the shape's `cells`.
            writing: the output, not yet begun.
            timeout: seconds until it must be complete, waiting for others included; None: any time.

        Raises:
            LLMError: llama.cpp fails, or the time is up.
            ValueError: prompt and limit don't fit.
            SchemaError: the constraint gives up.
        """
        if len(prompt) + writing.limit > self._cells:
            raise ValueError("prompt and output have more tokens than the context has cells")
        request = _Request(prompt, writing, time.monotonic() + timeout if timeout else float("inf"))
        self._worker.submit(request)
        try:
            while True:
                piece = request.out.get()
                if isinstance(piece, Exception):
                    raise piece
                yield piece
                if piece.finish_reason:
                    return
        finally:
            self._worker.cancel(request)


class _Worker:
    """The thread, and all that belongs to it."""

    def __init__(self, context: Context, prefixes: Prefixes, batch: int, parallel: int) -> None:
        self._context = context
        self._prefixes = prefixes
        self._batch = batch
        self._parallel = parallel
        self._waiting: deque[_Request] = deque()
        self._active: list[_Request] = []
        self._news = Condition()
        self._stopping = False
        self._thread = Thread(target=self._run, name="ragent-llm", daemon=True)
        self._thread.start()

    def submit(self, request: _Request) -> None:
        with self._news:
            if self._stopping:
                raise LLMError("the model was closed", hint="open it again")
            self._waiting.append(request)
            self._news.notify()

    def cancel(self, request: _Request) -> None:
        with self._news:
            request.cancelled = True
            self._news.notify()

    def stop(self) -> None:
        with self._news:
            self._stopping = True
            self._news.notify()
        if self._thread is not current_thread():
            self._thread.join()

    def _run(self) -> None:
        while self._has_work():
            try:
                self._admit()
                self._step()
            except Exception as error:  # a caller that waits must hear of it, whatever it is
                _LOG.exception("the engine failed")
                for request in list(self._active) or [self._waiting.popleft()]:
                    self._fail(request, _failure(str(error)))
        for request in [*self._active, *self._waiting]:
            request.out.put(LLMError("the model was closed while it was answering", hint="open it again"))
        while self._prefixes.save_one():
            pass

    def _has_work(self) -> bool:
        """Wait until there is some, and save what was read meanwhile. False when it is time to stop."""
        while not (self._stopping or self._active or self._waiting) and self._prefixes.save_one():
            pass
        with self._news:
            self._news.wait_for(lambda: self._stopping or self._active or self._waiting)
            return not self._stopping

    def _admit(self) -> None:
        """Begin with those that wait, in order, as long as there is room; leave those that gave up."""
        now = time.monotonic()
        for request in [one for one in self._active if one.cancelled or one.deadline < now]:
            self._end(request)
            if not request.cancelled:
                request.out.put(_too_late())
        with self._news:
            late = [one for one in self._waiting if one.deadline < now]
            self._waiting = deque(one for one in self._waiting if not one.cancelled and one not in late)
        for request in late:
            request.out.put(_too_late())
        while self._waiting and len(self._active) < self._parallel:
            request = self._waiting[0]
            held = self._prefixes.acquire(request.prompt, request.room)
            if not held:
                return
            with self._news:
                self._waiting.popleft()
            request.held, request.reused = held, len(held.tokens)
            request.pending = request.prompt[request.reused :]
            self._active.append(request)

    def _step(self) -> None:
        """Read one batch, and let each output whose turn it is have its next token."""
        shares = self._shares()
        if not shares:
            return
        code, rows = self._read(shares)
        if code and len(shares) > 1:
            # Whose fault it was shows when each is read alone.
            for request in self._rewind(shares):
                alone = {request: shares[request]}
                self._settle(alone, *self._read(alone))
        else:
            self._settle(shares, code, rows)

    def _settle(self, shares: dict[_Request, int], code: int, rows: dict[_Request, int]) -> None:
        if code:
            for request in self._rewind(shares):
                self._fail(request, _failure(f"code {code}"))
            return
        for request, share in shares.items():
            assert request.held  # noqa: S101  active requests have one
            self._prefixes.add(request.held, request.pending[:share])
            request.pending = request.pending[share:]
        for request, row in rows.items():
            self._write(request, row)

    def _shares(self) -> dict[_Request, int]:
        """How many of its pending tokens each request may have read in the next batch."""
        writing = [one for one in self._active if len(one.pending) == 1]
        reading = [one for one in self._active if len(one.pending) > 1]
        shares = dict.fromkeys(writing, 1)
        budget = min(self._batch - len(writing), _PROMPT_TOKENS_IN_COMPANY if writing else self._batch)
        reading.sort(key=lambda one: len(one.pending))
        for n, request in enumerate(reading):
            # What a short rest leaves of its share goes to the longer ones.
            share = min(len(request.pending), budget // (len(reading) - n))
            budget -= share
            if share:
                shares[request] = share
        return shares

    def _read(self, shares: dict[_Request, int]) -> tuple[int, dict[_Request, int]]:
        """llama.cpp's code, and the row of the batch that tells how a request goes on, where one does."""
        batch: list[Row] = []
        rows = {}
        for request, share in shares.items():
            assert request.held  # noqa: S101  active requests have one
            last = len(request.pending) - 1
            start = len(request.held.tokens)
            batch += [
                Row(token, start + n, request.held.sequence, n == last)
                for n, token in enumerate(request.pending[:share])
            ]
            if share > last:
                rows[request] = len(batch) - 1
        return self._context.decode(batch), rows

    def _write(self, request: _Request, row: int) -> None:
        writing = request.writing
        try:
            token = writing.pick(self._context.logits(row).copy())
            text = writing.take(token)
        except Exception as error:  # of the request's own constraint, so it is that caller's to handle
            self._fail(request, error if isinstance(error, RagentError) else _failure(str(error)))
            return
        request.pending = [token]
        if writing.finish:
            self._end(request)
            usage = Usage(len(request.prompt), writing.produced, request.reused)
            request.out.put(Delta(text, writing.finish, usage))
        elif text:
            request.out.put(Delta(text))

    def _end(self, request: _Request) -> None:
        assert request.held  # noqa: S101  active requests have one
        self._active.remove(request)
        self._prefixes.release(request.held)

    def _fail(self, request: _Request, error: Exception) -> None:
        if request.held:
            self._active.remove(request)
            self._prefixes.drop(request.held)
        request.out.put(error)

    def _rewind(self, requests: Iterable[_Request]) -> list[_Request]:
        """Take a failed batch back; those that can go on from where they were before it."""
        well = []
        for request in requests:
            if request.held and self._prefixes.rewind(request.held):
                well.append(request)
            else:
                self._fail(request, _failure("a batch can't be taken back"))
        return well


def _failure(what: str) -> LLMError:
    return LLMError(f"llama.cpp failed: {what}", hint="`ragent models doctor` tests the engine")


def _too_late() -> LLMError:
    return LLMError(
        "the answer wasn't complete in time",
        hint="allow more time, or ask for a shorter answer",
        retryable=True,
    )
