from __future__ import annotations

import gc
import random
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from ragent.errors import LLMError, SchemaError
from ragent.llm.models import DEFAULT_MODEL, resolve_model
from ragent.types import Delta, Sampling, Usage

if TYPE_CHECKING:
    from ragent.llm.engine import Engine
    from ragent.llm.native import Model
    from ragent.protocols import Decoding, Logits

PASSAGES = [
    "The harbour office opens at seven. Question: when does the office open? Answer: it opens at",
    "The ferry to the island costs four euros. Question: what does the ferry cost? Answer: it costs",
    "The kiosk belongs to a retired sailor called Tom. Question: who owns the kiosk? Answer: it belongs to",
    "The lighthouse was built in 1884 of red brick. Question: what is it made of? Answer: it is made of",
]


@pytest.fixture(scope="module")
def model() -> Model:
    from ragent.llm.native import Loading, Model

    return Model(resolve_model(DEFAULT_MODEL), Loading())


def start(model: Model, cells: int = 512, parallel: int = 4, threads: int = 1) -> Engine:
    from ragent.llm.engine import Engine
    from ragent.llm.native import Shape

    return Engine(model, Shape(cells=cells, sequences=8, batch=128, step=60, threads=threads), parallel)


@pytest.fixture(scope="module")
def engine(model: Model) -> Engine:
    return start(model)


class Asking:
    """Asks an engine for a few tokens of what follows a text."""

    def __init__(self, engine: Engine, model: Model) -> None:
        self.engine = engine
        self.model = model

    def __call__(
        self, text: str, tokens: int = 3, decoding: Decoding | None = None, timeout: float | None = None
    ) -> tuple[str, Usage]:
        from ragent.llm.writing import Writing

        writing = Writing(self.model, Sampling(), decoding, tokens)
        deltas = list(self.engine.generate(self.model.tokenize(text.encode()), writing, timeout))
        assert deltas[-1].usage
        return "".join(delta.text for delta in deltas), deltas[-1].usage


def together(calls: list[Callable[[], object]]) -> list[object]:
    """The results of calls that are made at once, or what they raise."""
    results: dict[int, object] = {}

    def run(n: int) -> None:
        try:
            results[n] = calls[n]()
        except Exception as error:
            results[n] = error

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [results[n] for n in range(len(calls))]


class Recording:
    """Leaves a request as it is, and notes all that the model thought of what comes next."""

    done = hurried = False

    def __init__(self) -> None:
        self.seen: list[Logits] = []

    def restrict(self, logits: Logits, left: int) -> None:
        self.seen.append(logits.copy())

    def advance(self, token: int) -> None: ...


class Failing:
    done = hurried = False

    def restrict(self, logits: Logits, left: int) -> None:
        raise SchemaError("too complex")

    def advance(self, token: int) -> None: ...


def recorded(ask: Asking, text: str) -> tuple[list[Logits], str, Usage]:
    """What the model thought of each of the next six tokens; and the answer."""
    recording = Recording()
    answer, usage = ask(text, 6, recording)
    return recording.seen, answer, usage


def test_requests_side_by_side_are_written_as_they_are_alone(model: Model) -> None:
    alone = [Asking(start(model), model)(text, 8)[0] for text in PASSAGES]
    ask = Asking(start(model), model)
    assert together([lambda text=text: ask(text, 8)[0] for text in PASSAGES]) == alone  # type: ignore[misc]


def test_more_requests_than_fit_wait_for_their_turn(model: Model) -> None:
    ask = Asking(start(model, cells=256, parallel=2), model)
    expected = [ask(text)[0] for text in PASSAGES]
    # 200 tokens are reserved for each, so that there is room for one at a time.
    written = together([lambda text=text: ask(text, 200)[0] for text in PASSAGES * 2])  # type: ignore[misc]
    assert all(str(text).startswith(first) for text, first in zip(written, expected * 2, strict=True))


def test_an_error_hurts_its_own_request_only(model: Model, engine: Engine) -> None:
    ask = Asking(engine, model)
    expected = ask(PASSAGES[0])[0]
    one, broken, other = together(
        [lambda: ask(PASSAGES[0])[0], lambda: ask("x", 4, Failing()), lambda: ask(PASSAGES[0])[0]]
    )
    assert one == other == expected
    assert isinstance(broken, SchemaError)


def test_a_batch_that_fails_hurts_the_guilty_request_only(model: Model, engine: Engine) -> None:
    from ragent.llm.writing import Writing

    ask = Asking(engine, model)
    expected = ask(PASSAGES[1])[0]

    def no_such_token() -> list[Delta]:
        return list(engine.generate([model.words + 5] * 3, Writing(model, Sampling(), None, 4), None))

    one, broken, other = together([lambda: ask(PASSAGES[1])[0], no_such_token, lambda: ask(PASSAGES[1])[0]])
    assert one == other == expected
    assert isinstance(broken, LLMError)
    assert "doctor" in broken.hint


def test_cancelled_requests_leave_the_engine_usable(model: Model, engine: Engine) -> None:
    from ragent.llm.writing import Writing

    expected = Asking(engine, model)(PASSAGES[2])[0]
    for n in range(12):
        tokens = model.tokenize(f"{n} {PASSAGES[n % 4]}".encode())
        stream = engine.generate(tokens, Writing(model, Sampling(), None, 100), None)
        next(stream)
        stream.close()  # type: ignore[attr-defined]
    assert Asking(engine, model)(PASSAGES[2])[0] == expected


def test_a_deadline_ends_a_request_whether_it_waits_or_writes(model: Model) -> None:
    ask = Asking(start(model, parallel=1), model)
    long, waiting, fine = together(
        [
            lambda: ask("Once upon a time", 400, timeout=0.5),
            lambda: ask("Once there was", 400, timeout=0.2),
            lambda: ask(PASSAGES[0], 4)[1].prompt_tokens,
        ]
    )
    assert isinstance(long, LLMError)
    assert isinstance(waiting, LLMError)
    assert long.retryable
    assert waiting.retryable
    assert fine == len(model.tokenize(PASSAGES[0].encode()))


def test_what_two_users_asked_before_is_kept_for_both(model: Model, engine: Engine) -> None:
    ask = Asking(engine, model)
    for text in PASSAGES[:2] * 2:
        _, usage = ask(text + " about", 2)
    _, again = ask(PASSAGES[0] + " nearly", 2)
    assert usage.reused_tokens == usage.prompt_tokens - 2
    assert again.reused_tokens >= again.prompt_tokens - 2


@pytest.mark.parametrize("threads", [1, 2])
def test_an_output_has_the_same_bits_whatever_was_read_before(model: Model, threads: int) -> None:
    used = Asking(start(model, cells=1024, threads=threads), model)
    text = PASSAGES[0] * 3
    # A conversation: what was written becomes part of the next prompt.
    conversation = text + used(text, 12)[0]
    used(text[:-7] + "of another kind", 2)
    for prompt in (conversation + " Then", text, text + " It", text[: len(text) // 2]):
        warm, again, usage = recorded(used, prompt)
        cold, anew, _ = recorded(Asking(start(model, cells=1024, threads=threads), model), prompt)
        assert usage.reused_tokens > 20
        assert again == anew
        assert all((a == b).all() for a, b in zip(warm, cold, strict=True))


def test_bits_stay_the_same_where_cells_are_short(model: Model) -> None:
    draw = random.Random(1)
    used = Asking(start(model, cells=300, parallel=2), model)
    reused = 0
    for _ in range(12):
        prompt = "".join(draw.choices(PASSAGES[:2], k=draw.randint(1, 4))) + draw.choice([" seven", " It is"])
        (warm, _, usage), _ = together([lambda: recorded(used, prompt), lambda: used(prompt[9:], 3)])  # type: ignore[misc]  # noqa: B023
        cold, _, _ = recorded(Asking(start(model), model), prompt)
        assert all((a == b).all() for a, b in zip(warm, cold, strict=True))
        reused += usage.reused_tokens
    assert reused > 100


def test_a_small_context_gives_up_what_was_used_longest_ago(model: Model) -> None:
    ask = Asking(start(model, cells=256), model)
    long = [f"{word} and " * 80 for word in ("red", "green", "blue")]
    for text in long:
        assert ask(text, 2)[1].reused_tokens < 5
    assert ask(long[2], 2)[1].reused_tokens > 100
    assert ask(long[0], 2)[1].reused_tokens < 5


def test_what_can_never_fit_is_refused(model: Model, engine: Engine) -> None:
    with pytest.raises(ValueError, match="cells"):
        Asking(engine, model)("x", 1000)


def test_an_engine_that_nobody_needs_ends_its_thread(model: Model) -> None:
    before = set(threading.enumerate())
    ask = Asking(start(model), model)
    ask("x", 1)
    (worker,) = set(threading.enumerate()) - before
    del ask
    gc.collect()
    worker.join(20)
    assert not worker.is_alive()


def test_what_follows_has_the_same_bits_in_any_company(model: Model) -> None:
    from ragent.llm.native import Context, Row, Shape

    context = Context(model, Shape(cells=1024, sequences=3, batch=512, step=60, threads=1))
    tokens = model.tokenize((PASSAGES[0] * 6).encode())[:91]
    last = len(tokens) - 1
    context.decode([Row(token, n, 0, n == last) for n, token in enumerate(tokens)])
    at_once = context.logits(last).copy()
    context.cut(0, last)
    context.decode([Row(tokens[last], last, 0, True)])
    alone = context.logits(0).copy()
    context.decode([Row(tokens[n % 7], n, 1, False) for n in range(500)])
    for start in range(0, len(tokens), 37):
        part = [Row(token, n, 2, n == last) for n, token in enumerate(tokens) if start <= n < start + 37]
        context.decode([Row(5, 500 + start // 37, 1, False), *part])
    in_pieces = context.logits(len(part)).copy()
    context.cut(0, last)
    context.decode([Row(tokens[last], last, 0, True)])
    beside_others = context.logits(0).copy()
    assert (at_once == alone).all()
    assert (at_once == in_pieces).all()
    assert (at_once == beside_others).all()
