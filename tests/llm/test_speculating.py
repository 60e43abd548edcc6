from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragent.config import LLMSettings
from ragent.errors import LLMError, SchemaError
from ragent.llm.lookup import PromptLookup
from ragent.llm.models import DEFAULT_MODEL, resolve_model
from ragent.llm.pace import MOST_ROWS, Odds, OwnOdds, Pace
from ragent.structured import constrain, target_of
from ragent.structured.quoting import quote_format
from ragent.types import Form, Message, Sampling

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ragent.llm.draft_model import DraftModel
    from ragent.llm.engine import Engine
    from ragent.llm.native import Model
    from ragent.llm.speculating import Mode
    from ragent.protocols import Decoding, Logits
    from ragent.types import Usage

FACTS = (
    "The harbour office opens at seven in the morning, and the ferry to the island costs four euros. A kiosk"
    " on the pier sells maps, rope and warm soup."
)
REPEAT = (
    f"<|im_start|>user\nRepeat this text word for word:\n{FACTS}<|im_end|>\n"
    "<|im_start|>assistant\nThe harbour office"
)
STORY = "One day a cat, two dogs and a bird went to the sea. The cat said: one day a cat, two dogs and a"


def followed(tokens: list[int]) -> tuple[int, list[int]]:
    """The longest end of the tokens that stood in them before, and what followed it where it first did."""
    for length in range(len(tokens) - 1, 0, -1):
        for start in range(len(tokens) - length):
            if tokens[start : start + length] == tokens[-length:]:
                return length, tokens[start + length :]
    return 0, []


@given(st.lists(st.integers(0, 3), max_size=40), st.integers(1, 6))
def test_lookup_finds_the_longest_match_and_what_first_followed_it(tokens: list[int], most: int) -> None:
    lookup = PromptLookup()
    for end in range(len(tokens) + 1):
        draft = lookup.propose(tokens[:end], most)
        assert (draft.sure, draft.tokens) == (
            followed(tokens[:end])[0],
            followed(tokens[:end])[1][:most],
        )


def test_odds_tell_sure_guesses_from_unsure_ones() -> None:
    odds = Odds()
    assert odds.chances(3, 2) == [0.5, 0.5]
    for n in range(200):
        odds.learn(1, count=n % 5 == 0, failed=n % 5 != 0)
        odds.learn(6, count=1, failed=False)
    low, high = odds.chances(1, 1)[0], odds.chances(6, 1)[0]
    assert low == pytest.approx(0.2, abs=0.05)
    assert high > 0.95
    assert low < odds.chances(3, 1)[0] + 0.01 < high
    assert odds.chances(100, 3) == odds.chances(200, 3)


def test_one_request_is_judged_by_its_own_guesses() -> None:
    shared = Odds()
    shared.learn(0, count=300, failed=False)
    quoting, free = OwnOdds(shared), OwnOdds(shared)
    begun = quoting.chances(4, 1)[0]
    for _ in range(20):
        quoting.learn(4, count=1, failed=False)
        free.learn(4, count=0, failed=True)
    assert free.chances(4, 1)[0] < 0.2 < begun < 0.8 < quoting.chances(4, 1)[0] < 1


class Machine:
    """A machine whose steps cost what is said, and an output of which so many guesses are right."""

    def __init__(self, cost: Callable[[int], float], right: int) -> None:
        self.pace = Pace()
        self.cost = cost
        self.right = right
        self.seconds = 0.0
        self.tokens = 0

    def write(self, steps: int, chance: float) -> list[int]:
        lengths = []
        for _ in range(steps):
            length = self.pace.plan([chance] * 16)
            written = 1 + min(length, self.right)
            seconds = self.cost(1 + length)
            self.pace.note(1 + length, seconds, outputs=1 + length, written=written)
            self.seconds += seconds
            self.tokens += written
            lengths.append(length)
        return lengths


def test_nothing_is_drafted_before_the_machine_is_known() -> None:
    assert Pace().plan([1.0] * 8) == 0


def test_long_drafts_where_rows_are_cheap_and_short_ones_where_guesses_are_poor() -> None:
    machine = Machine(lambda rows: 1 + rows / 100, right=16)
    machine.pace.note(MOST_ROWS, 1.6, outputs=0, written=0)
    assert machine.write(5, 0.99)[1:] == [16] * 4
    machine = Machine(lambda rows: 0.5 + rows / 2, right=0)
    machine.pace.note(MOST_ROWS, 32.5, outputs=0, written=0)
    machine.write(1, 0.0)
    assert 0 < machine.pace.plan([0.8] * 16) < 16
    machine = Machine(float, right=0)
    machine.write(100, 0.1)
    assert machine.pace.plan([0.1] * 16) == 0


def test_a_draft_that_takes_long_to_make_is_not_made() -> None:
    machine = Machine(lambda rows: 1 + rows / 100, right=16)
    machine.pace.note(MOST_ROWS, 1.6, outputs=0, written=0)
    machine.write(1, 0.9)
    assert machine.pace.plan([0.9] * 16) > 0
    assert machine.pace.plan([0.9] * 16, each=2.0) == 0
    assert machine.pace.plan([0.9] * 16, start=20.0) == 0


@pytest.mark.parametrize("chance", [0.3, 0.95])
def test_where_drafts_never_win_trials_cost_next_to_nothing(chance: float) -> None:
    machine = Machine(float, right=0)
    machine.write(3000, chance)
    assert machine.seconds <= 1.025 * machine.tokens


def test_a_measurement_that_was_disturbed_is_not_believed() -> None:
    pace = Pace()
    for rows, seconds in ((1, 1.0), (4, 9.0), (8, 1.8), (MOST_ROWS, 60.0)):
        pace.note(rows, seconds, outputs=rows, written=1)
    assert pace.plan([0.95] * 3) == 3


def test_a_machine_that_becomes_idle_is_noticed() -> None:
    machine = Machine(lambda rows: 1.5 * rows - 0.5, right=16)
    assert sum(map(bool, machine.write(500, 0.95))) < 50
    machine.cost = lambda rows: 0.9 + rows / 10
    machine.write(2000, 0.95)
    assert sum(map(bool, machine.write(100, 0.95))) > 90


@pytest.fixture(scope="module")
def model() -> Model:
    from ragent.llm.native import Loading, Model

    return Model(resolve_model(DEFAULT_MODEL), Loading())


def start(model: Model, mode: Mode | None, most: int = 12, draft_model: DraftModel | None = None) -> Engine:
    from ragent.llm.engine import Engine
    from ragent.llm.native import Shape
    from ragent.llm.speculating import Speculation

    speculation = Speculation(mode, most, draft_model) if mode else None
    shape = Shape(cells=640, sequences=8, batch=128, step=60, threads=1)
    return Engine(model, shape, 4, speculation=speculation)


@pytest.fixture(scope="module")
def plain(model: Model) -> Engine:
    return start(model, None)


@pytest.fixture(scope="module")
def drafting(model: Model) -> Engine:
    return start(model, "on")


def ask(
    engine: Engine, model: Model, text: str, decoding: Decoding | None = None, **sampling: object
) -> tuple[str, str | None, Usage]:
    from ragent.llm.writing import Writing

    chosen = Sampling(**{"max_tokens": 16, "repeat_penalty": 1.0, **sampling})  # type: ignore[arg-type]
    assert chosen.max_tokens
    prompt = model.tokenize(text.encode(), special=True)
    deltas = list(engine.generate(prompt, Writing(model, chosen, decoding, chosen.max_tokens), None))
    assert deltas[-1].usage
    return "".join(delta.text for delta in deltas), deltas[-1].finish_reason, deltas[-1].usage


def test_a_quote_is_written_in_few_steps_and_unchanged(model: Model, plain: Engine, drafting: Engine) -> None:
    expected, finish, without = ask(plain, model, REPEAT)
    text, same, usage = ask(drafting, model, REPEAT)
    assert (text, same) == (expected, finish)
    assert text.startswith(" opens at seven in the morning")
    assert (without.drafted_tokens, without.accepted_tokens) == (0, 0)
    assert 10 <= usage.accepted_tokens <= usage.drafted_tokens
    assert usage.completion_tokens == without.completion_tokens == 16


@pytest.mark.parametrize("seed", [1, 2, 4])
def test_chance_falls_alike_with_drafts_right_and_wrong(
    model: Model, plain: Engine, drafting: Engine, seed: int
) -> None:
    options = {"temperature": 0.8, "seed": seed, "repeat_penalty": 1.1}
    drafted = accepted = 0
    for text in (STORY, REPEAT):
        *got, usage = ask(drafting, model, text, **options)
        assert got == [*ask(plain, model, text, **options)[:2]]
        drafted += usage.drafted_tokens
        accepted += usage.accepted_tokens
    assert 0 < accepted < drafted


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_the_limit_is_kept_to_the_token(model: Model, plain: Engine, drafting: Engine, limit: int) -> None:
    text, finish, usage = ask(drafting, model, REPEAT, max_tokens=limit)
    assert (finish, usage.completion_tokens) == ("length", limit)
    assert text == ask(plain, model, REPEAT, max_tokens=limit)[0]


def test_a_stop_string_in_a_draft_ends_the_output(model: Model, drafting: Engine) -> None:
    text, finish, usage = ask(drafting, model, REPEAT, stop=("morning",))
    assert (text, finish) == (" opens at seven in the ", "stop")
    assert usage.completion_tokens < 16


def test_the_models_own_end_ends_the_output(model: Model, plain: Engine, drafting: Engine) -> None:
    text = "<|im_start|>user\nSay only: yes, yes, yes.<|im_end|>\n<|im_start|>assistant\n"
    expected = ask(plain, model, text, max_tokens=40)
    assert expected[1] == "stop"
    assert ask(drafting, model, text, max_tokens=40)[:2] == expected[:2]


def test_wrong_drafts_leave_nothing_behind(model: Model, plain: Engine) -> None:
    drafting = start(model, "on")
    story = f"{FACTS} There, in the office, the"
    text, _, usage = ask(drafting, model, story)
    assert usage.drafted_tokens > usage.accepted_tokens
    # What was kept of the output is the beginning of the next prompt.
    further = f"{story}{text} and then they all"
    expected, _, cold = ask(start(model, None), model, further)
    got, _, warm = ask(drafting, model, further)
    assert got == expected
    assert warm.reused_tokens > cold.reused_tokens == 0
    assert ask(drafting, model, REPEAT)[0] == ask(plain, model, REPEAT)[0]


def test_a_json_form_is_filled_the_same_and_its_keys_are_foreseen(
    model: Model, plain: Engine, drafting: Engine
) -> None:
    schema = {
        "type": "object",
        "properties": {"opening_hour_of_the_office": {"type": "integer"}, "is_open": {"type": "boolean"}},
        "required": ["opening_hour_of_the_office", "is_open"],
        "additionalProperties": False,
    }
    constraint = constrain(target_of(Form("json", json.dumps(schema))))
    expected = ask(plain, model, REPEAT, constraint.start(model.vocabulary), max_tokens=40)
    text, finish, usage = ask(drafting, model, REPEAT, constraint.start(model.vocabulary), max_tokens=40)
    assert (text, finish) == expected[:2]
    assert set(json.loads(text)) == {"opening_hour_of_the_office", "is_open"}
    assert usage.accepted_tokens >= 5


def test_quotes_under_a_constraint_stay_verbatim(model: Model, plain: Engine, drafting: Engine) -> None:
    form = quote_format([FACTS])
    prompt = f"Quote what is said about the harbour.\n{FACTS}\n"
    expected = ask(plain, model, prompt, form.constraint.start(model.vocabulary))
    text, _, usage = ask(drafting, model, prompt, form.constraint.start(model.vocabulary))
    assert text == expected[0]
    quote = text.removeprefix("> ").split("\n")[0]
    assert quote in FACTS
    assert usage.accepted_tokens > 0


class Blind:
    """A constraint that allows everything, and can't look ahead."""

    done = hurried = False

    def restrict(self, logits: Logits, left: int) -> None: ...

    def advance(self, token: int) -> None: ...

    def forced(self) -> list[int]:
        raise SchemaError("too complex")

    def fitting(self, tokens: Sequence[int]) -> int:
        raise SchemaError("too complex")


def test_a_constraint_that_fails_to_look_ahead_costs_the_drafts_only(
    model: Model, plain: Engine, drafting: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    text, finish, usage = ask(drafting, model, REPEAT, Blind())
    assert (text, finish) == ask(plain, model, REPEAT)[:2]
    assert usage.drafted_tokens == 0
    assert "too complex" in caplog.text


def test_requests_side_by_side_are_written_as_they_are_alone(
    model: Model, plain: Engine, drafting: Engine
) -> None:
    # Side by side places in memory get out of order, so that only what the model is sure of stays the same.
    texts = [REPEAT, f"{REPEAT} opens at seven", f"{REPEAT} opens at seven in the morning, and the"]
    expected = [ask(plain, model, text)[0] for text in texts]
    results: dict[int, str] = {}

    def run(n: int) -> None:
        results[n] = ask(drafting, model, texts[n])[0]

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(texts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [results[n] for n in range(len(texts))] == expected


def test_a_request_cancelled_amid_drafts_leaves_the_engine_usable(
    model: Model, plain: Engine, drafting: Engine
) -> None:
    from ragent.llm.writing import Writing

    for limit in (100, 200):
        prompt = model.tokenize(f"{limit} {STORY}".encode())
        stream = drafting.generate(prompt, Writing(model, Sampling(), None, limit), None)
        next(stream)
        stream.close()  # type: ignore[attr-defined]
    assert ask(drafting, model, REPEAT)[0] == ask(plain, model, REPEAT)[0]


def test_by_itself_it_drafts_only_after_it_has_measured(model: Model, plain: Engine) -> None:
    engine = start(model, "auto")
    _, _, usage = ask(engine, model, REPEAT, max_tokens=2)
    assert usage.drafted_tokens == 0
    assert ask(engine, model, REPEAT)[0] == ask(plain, model, REPEAT)[0]


def test_a_draft_model_guesses_where_nothing_is_repeated(model: Model, plain: Engine) -> None:
    from ragent.llm.draft_model import DraftModel
    from ragent.llm.native import Shape

    shape = Shape(cells=640, sequences=1, batch=64, step=60, threads=1)
    same = DraftModel(model, shape, model)
    assert same.reading > 0
    assert same.writing > 0
    engine = start(model, "on", most=4, draft_model=same)
    text = "<|im_start|>user\nWhat is rain?<|im_end|>\n<|im_start|>assistant\nRain"
    expected, _, _ = ask(plain, model, text, max_tokens=12)
    for _ in range(2):
        got, _, usage = ask(engine, model, text, max_tokens=12)
        assert got == expected
        # Guesses of the very model that writes are right, but for those that the lookup made.
        assert usage.accepted_tokens >= 6
    assert ask(engine, model, REPEAT)[0] == ask(plain, model, REPEAT)[0]


def test_a_draft_model_of_another_vocabulary_is_refused(model: Model, tmp_path: Path) -> None:
    from ragent.llm.llamacpp import open_llamacpp

    data = resolve_model(DEFAULT_MODEL).read_bytes()
    word = "Ġmorning".encode()
    at = data.index(len(word).to_bytes(8, "little") + word) + 8
    other = tmp_path / "other.gguf"
    other.write_bytes(data[:at] + "Ġmornxyz".encode() + data[at + len(word) :])
    with pytest.raises(LLMError, match="vocabulary") as raised:
        open_llamacpp(LLMSettings(n_ctx=256, threads=1, draft_model=str(other)))
    assert "draft_model" in raised.value.hint


def test_settings_choose_how_to_draft() -> None:
    from ragent.llm.llamacpp import open_llamacpp

    question = [Message("user", f"Repeat this text word for word: {FACTS}")]
    drafted = {}
    for mode in ("off", "on"):
        settings = LLMSettings(n_ctx=256, threads=1, speculate=mode, draft_tokens=6)  # type: ignore[arg-type]
        *_, last = open_llamacpp(settings).stream(question, Sampling(max_tokens=12))
        assert last.usage
        drafted[mode] = last.usage.drafted_tokens
    assert drafted["off"] == 0
    assert drafted["on"] > 0
