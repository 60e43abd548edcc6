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
from threading import Condition, Thread, current_thread

from ragent.errors import LLMError, RagentError
from ragent.llm.native import Context, Model, Row, Shape
from ragent.llm.prefixes import Prefixes
from ragent.llm.scheduling import Request, plan_drafts, shares
from ragent.llm.speculating import Speculation
from ragent.llm.states import States
from ragent.llm.stitching import Preparing, Span, Stitcher
from ragent.llm.writing import Writing
from ragent.types import Delta

_LOG = logging.getLogger("ragent.llm")


class Engine:
    """Writes what any number of threads ask for.

    Attributes:
        stitches: whether it makes anything of `passages`.
    """

    def __init__(
        self,
        model: Model,
        shape: Shape,
        parallel: int,
        states: States | None = None,
        stitcher: Stitcher | None = None,
        speculation: Speculation | None = None,
    ) -> None:
        """Make the context, and start the thread that works on it.

        Args:
            model: loaded.
            shape: the context's; it has more `sequences` than `parallel`, to keep beginnings in.
            parallel: the most outputs at once; further requests wait, the first come first.
            states: where to keep on disk what was read.
            stitcher: puts together prompts whose passages are known; None: all prompts are read as a whole.
            speculation: how to guess at outputs; None, or a model that can't take tokens back: not at all.

        Raises:
            LLMError: there isn't enough memory.
        """
        self._cells = shape.cells
        context = Context(model, shape)
        prefixes = Prefixes(context, shape, states, can_be_cut=model.can_be_cut)
        preparing = Preparing(stitcher, prefixes)
        self.stitches = stitcher is not None
        self._speculation = speculation if model.can_be_cut else None
        self._worker = _Worker(context, prefixes, preparing, self._speculation, shape.batch, parallel)
        self.close = weakref.finalize(self, self._worker.stop)

    def generate(
        self,
        prompt: Sequence[int],
        writing: Writing,
        timeout: float | None,
        passages: Sequence[Span] = (),
    ) -> Iterator[Delta]:
        """Give an output piece by piece; closing the iterator stops it.

        Args:
            prompt: its tokens; with the output's limit they must not be more than the shape's `cells`.
            writing: the output, not yet begun.
            timeout: seconds until it must be complete, waiting for others included; None: any time.
            passages: what of the prompt may be stitched, in order.

        Raises:
            LLMError: llama.cpp fails, or the time is up.
            ValueError: prompt and limit don't fit.
            SchemaError: the constraint gives up.
        """
        if len(prompt) + writing.limit > self._cells:
            raise ValueError("prompt and output have more tokens than the context has cells")
        deadline = time.monotonic() + timeout if timeout else float("inf")
        drafting = self._speculation.begin(writing) if self._speculation else None
        request = Request(prompt, writing, deadline, passages, drafting)
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

    def __init__(
        self,
        context: Context,
        prefixes: Prefixes,
        preparing: Preparing,
        speculation: Speculation | None,
        batch: int,
        parallel: int,
    ) -> None:
        self._context = context
        self._prefixes = prefixes
        self._preparing = preparing
        self._batch = batch
        self._parallel = parallel
        self._speculation = speculation
        self._waiting: deque[Request] = deque()
        self._active: list[Request] = []
        self._news = Condition()
        self._stopping = False
        self._thread = Thread(target=self._run, name="ragent-llm", daemon=True)
        self._thread.start()

    def submit(self, request: Request) -> None:
        with self._news:
            if self._stopping:
                raise LLMError("the model was closed", hint="open it again")
            self._waiting.append(request)
            self._news.notify()

    def cancel(self, request: Request) -> None:
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
            if not self._is_ready(request):
                return
            held = self._prefixes.acquire(request.prompt, request.room)
            if not held:
                return
            with self._news:
                self._waiting.popleft()
            request.held, request.reused = held, len(held.tokens)
            request.pending = request.prompt[request.reused :]
            self._active.append(request)

    def _is_ready(self, request: Request) -> bool:
        """Whether it can begin; if not, a step towards it was made."""
        try:
            spent = self._preparing.step(request.prompt, request.passages)
            if spent is None:
                return False
            request.spent = spent
        except LLMError as error:  # nothing is lost: the prompt is read as a whole then
            _LOG.warning("passages can't be stitched: %s", error)
        request.passages = ()
        return True

    def _step(self) -> None:
        """Read one batch, and let each output whose turn it is have what comes next."""
        plan_drafts(self._active, self._batch)
        shared = shares(self._active, self._batch)
        if not shared:
            return
        begun = time.perf_counter()
        code, rows = self._read(shared)
        if code and len(shared) > 1:
            # Whose fault it was shows when each is read alone.
            for request in self._rewind(shared):
                alone = {request: shared[request]}
                self._settle(alone, *self._read(alone))
            return
        written = self._settle(shared, code, rows)
        if self._speculation and not code:
            drafted = sum(len(request.draft) for request in rows)
            self._speculation.pace.note(
                sum(shared.values()) + drafted,
                time.perf_counter() - begun,
                outputs=len(rows) + drafted,
                written=written,
            )

    def _read(self, shared: dict[Request, int]) -> tuple[int, dict[Request, int]]:
        """llama.cpp's code, and the first row that tells how a request goes on, where one does."""
        batch: list[Row] = []
        rows = {}
        for request, share in shared.items():
            batch += request.rows(share)
            if share == len(request.pending):
                rows[request] = len(batch) - 1 - len(request.draft)
        return self._context.decode(batch), rows

    def _settle(self, shared: dict[Request, int], code: int, rows: dict[Request, int]) -> int:
        """Note what was read, and go on from there. How many tokens were written."""
        if code:
            for request in self._rewind(shared):
                self._fail(request, _failure(f"code {code}"))
            return 0
        for request, share in shared.items():
            assert request.held  # noqa: S101  active requests have one
            self._prefixes.add(request.held, request.pending[:share])
            request.pending = request.pending[share:]
        return sum(self._write(request, row) for request, row in rows.items())

    def _write(self, request: Request, row: int) -> int:
        """Pick what comes next, as long as the draft foresaw it. How many tokens came."""
        writing = request.writing
        picked: list[int] = []
        text = ""
        try:
            for n, guess in enumerate([*request.draft, None]):
                token = writing.pick(self._context.logits(row + n).copy())
                text += writing.take(token)
                picked.append(token)
                if writing.finish or token != guess:
                    break
        except Exception as error:  # of the request's own constraint, so it is that caller's to handle
            self._fail(request, error if isinstance(error, RagentError) else _failure(str(error)))
            return 0
        request.pending = picked[-1:]
        if not self._keep(request, picked[:-1]):
            return 0
        if writing.finish:
            self._end(request)
            usage = request.usage
            _LOG.debug("%s", usage)
            request.out.put(Delta(text, writing.finish, usage))
        elif text:
            request.out.put(Delta(text))
        return len(picked)

    def _keep(self, request: Request, accepted: list[int]) -> bool:
        """Take back what was read of the draft beyond the accepted tokens. Whether that was possible."""
        assert request.held  # noqa: S101  active requests have one
        if request.drafting:
            request.drafting.learn([*accepted, *request.pending])
        self._prefixes.add(request.held, accepted)
        if len(accepted) == len(request.draft):
            return True
        return bool(self._rewind([request]))

    def _end(self, request: Request) -> None:
        assert request.held  # noqa: S101  active requests have one
        self._active.remove(request)
        self._prefixes.release(request.held)

    def _fail(self, request: Request, error: Exception) -> None:
        if request.held:
            self._active.remove(request)
            self._prefixes.drop(request.held)
        request.out.put(error)

    def _rewind(self, requests: Iterable[Request]) -> list[Request]:
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
