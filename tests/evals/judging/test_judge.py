from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragent.errors import ConfigError, ContextOverflow, MalformedOutput
from ragent.prompts import parse_prompt
from ragent.store import Store
from ragent.types import Message
from ragent_evals.judging.criteria import CRITERIA, find_criterion
from ragent_evals.judging.judge import Judge
from ragent_evals.judging.pairwise import PairJudge, position_bias
from ragent_evals.judging.remembering import StoredVerdicts
from tests.evals.judging.making import Thinker
from tests.structured.sampling import Babbler

if TYPE_CHECKING:
    from ragent.llm.llamacpp import LlamaCpp

FERRY = {"question": "What does the ferry cost?", "answer": "Four euros.", "reference": "4 euros"}
CORRECT = CRITERIA["correct"]


@pytest.fixture(scope="module")
def engine() -> LlamaCpp:
    from ragent.config import LLMSettings
    from ragent.llm.llamacpp import open_llamacpp

    return open_llamacpp(LLMSettings(n_ctx=1024, threads=1))


def test_a_real_model_gives_a_verdict_with_probabilities(engine: LlamaCpp) -> None:
    judge = CORRECT.open(engine)
    found = judge.judge(**FERRY)
    assert found.verdict in ("Yes", "No")
    assert found.by == "probabilities"
    for probabilities in (found.raw, found.probabilities, judge.prior):
        assert sum(probabilities.values()) == pytest.approx(1)
    assert found.score == found.probabilities["Yes"]
    odds = found.raw["Yes"] / found.raw["No"] / (judge.prior["Yes"] / judge.prior["No"])
    assert found.probabilities["Yes"] / found.probabilities["No"] == pytest.approx(odds)
    assert judge.judge(**FERRY) == found


def test_a_real_model_says_the_same_of_a_pair_whichever_way_it_is_given(engine: LlamaCpp) -> None:
    pair = PairJudge(engine)
    one = pair.prefer("What does the ferry cost?", "Four euros.", "Boats swim.")
    other = pair.prefer("What does the ferry cost?", "Boats swim.", "Four euros.")
    assert one.left == pytest.approx(1 - other.left, abs=1e-6)
    assert one.bias == pytest.approx(other.bias, abs=1e-6)


def test_the_lean_of_a_model_is_divided_out() -> None:
    def leans(prompt: str, text: str) -> float:
        p = 0.9 if "Four" in prompt else 0.8
        return math.log(p if text == "Yes" else 1 - p)

    judge = CORRECT.open(Thinker(leans))
    assert judge.prior == {"Yes": pytest.approx(0.8), "No": pytest.approx(0.2)}
    found = judge.judge(**FERRY)
    assert found.raw["Yes"] == pytest.approx(0.9)
    assert found.score == pytest.approx((0.9 / 0.8) / (0.9 / 0.8 + 0.1 / 0.2))


def test_a_grade_is_the_expected_value() -> None:
    shares = {"1": 0.1, "2": 0.1, "3": 0.2, "4": 0.2, "5": 0.4}

    def grades(prompt: str, text: str) -> float:
        return math.log(shares[text] if "Four" in prompt else 0.2)

    found = CRITERIA["helpful"].open(Thinker(grades)).judge(**FERRY)
    assert found.score == pytest.approx(0.1 * 0.25 + 0.2 * 0.5 + 0.2 * 0.75 + 0.4)
    assert found.verdict == "5"


@settings(max_examples=40, deadline=None)
@given(likes=st.lists(st.integers(0, 255), max_size=4), name=st.sampled_from(sorted(CRITERIA)))
def test_whatever_a_model_without_probabilities_says_is_a_verdict(likes: list[int], name: str) -> None:
    criterion = CRITERIA[name]
    judge = criterion.open(Babbler(tuple(bytes([byte]) for byte in likes)))
    found = judge.judge(**FERRY, passages=[{"text": "It costs 4 euros."}])
    assert found.verdict in criterion.verdicts
    assert found.by == "choice"
    assert sorted(found.probabilities.values())[-1] == 1
    assert found.score == criterion.verdicts[found.verdict]


@given(likelihoods=st.lists(st.floats(-1e4, 0), min_size=2, max_size=2))
def test_whatever_is_likely_is_a_verdict(likelihoods: list[float]) -> None:
    said = dict(zip(("Yes", "No"), likelihoods, strict=True))
    found = CORRECT.open(Thinker(lambda _prompt, text: said[text])).judge(**FERRY)
    assert found.verdict in said
    assert 0 <= found.score <= 1


def test_how_an_answer_begins_will_do_where_a_server_tells_no_more() -> None:
    class Telling:
        name = "telling"
        context_tokens = 1000
        count_prompt = Thinker().count_prompt
        stream = Thinker(says=lambda _prompt: "No").stream

        def first_tokens(self, messages: Sequence[Message]) -> Mapping[str, float] | None:
            if "Four" not in messages[-1].content:
                return {"Yes": math.log(0.5), "No": math.log(0.5)}
            return {"Yes": math.log(0.5), " Y": math.log(0.1), "No": math.log(0.2), "Perhaps": math.log(0.1)}

    found = CORRECT.open(Telling()).judge(**FERRY)
    assert (found.by, found.verdict) == ("first token", "Yes")
    assert found.score == pytest.approx(0.6 / 0.8)

    class Mute(Telling):
        def first_tokens(self, messages: Sequence[Message]) -> Mapping[str, float] | None:
            return None

    assert CORRECT.open(Mute()).judge(**FERRY).by == "choice"


def test_a_server_that_ignores_the_grammar_is_an_error() -> None:
    class Ignoring:
        name = "ignoring"
        context_tokens = 1000
        count_prompt = Thinker().count_prompt
        stream = Thinker(says=lambda _prompt: "Well, I think").stream

    with pytest.raises(MalformedOutput):
        CORRECT.open(Ignoring()).judge(**FERRY)


def test_a_verdict_is_read_once_for_the_same_texts_prompt_and_model(tmp_path: Path) -> None:
    with Store.open(tmp_path / "home") as store:
        memory = StoredVerdicts(store, "default")
        first = Thinker(lambda prompt, text: -len(prompt) - len(text))
        found = CORRECT.open(first, memory=memory).judge(**FERRY)
        assert len(first.read) == 4  # the case, and three that are empty
        again = Thinker()
        assert CORRECT.open(again, memory=memory).judge(**FERRY) == found
        assert again.read == []
        CORRECT.open(again, memory=memory).judge(**{**FERRY, "answer": "Five euros."})
        assert len(again.read) == 1
        CORRECT.open(again, memory=memory, identity="another").judge(**FERRY)
        assert len(again.read) == 5
        template = parse_prompt("judge-correct", "[user]\n{{ question }}{{ answer }}{{ reference }}?")
        Judge(again, template, CORRECT.verdicts, memory=memory).judge(**FERRY)
        assert len(again.read) == 9


def test_passages_give_way_and_are_counted() -> None:
    model = Thinker(scoring_tokens=70)
    passages = [{"text": "word " * 20} for _ in range(4)]
    found = CRITERIA["faithful"].open(model).judge(**FERRY, passages=passages)
    assert found.left_out == 3
    with pytest.raises(ContextOverflow):
        CRITERIA["faithful"].open(model).judge(**FERRY, passages=[{"text": "word " * 60}])


def test_both_orders_are_read_and_a_place_is_no_merit() -> None:
    def likes_the_first(prompt: str, text: str) -> float:
        return math.log(0.9 if text == "A" else 0.1) if "euros" in prompt else 0.0

    lazy = PairJudge(Thinker(likes_the_first)).prefer("What?", "4 euros", "5 euros")
    assert (lazy.flipped, lazy.margin, lazy.winner()) == (True, 0.0, "tie")
    assert lazy.left == pytest.approx(0.5)
    assert position_bias([lazy]) == pytest.approx(0.4)

    def likes_four(prompt: str, text: str) -> float:
        four = "A" if "Answer A: 4" in prompt else "B"
        return math.log(0.75 if text == four else 0.25) if "euros" in prompt else 0.0

    fair = PairJudge(Thinker(likes_four))
    left = fair.prefer("What?", "4 euros", "5 euros")
    assert (left.winner(), left.winner(0.6)) == ("left", "tie")
    assert left.bias == pytest.approx(0)
    assert left.margin == pytest.approx(0.5)
    assert fair.prefer("What?", "5 euros", "4 euros").winner() == "right"


def test_verdicts_must_be_told_apart() -> None:
    with pytest.raises(ValueError, match="begins another"):
        Judge(Thinker(), parse_prompt("x", "[user]\nhm"), {"1": 0.0, "10": 1.0})
    with pytest.raises(ConfigError, match="known: correct"):
        find_criterion("nice")


def test_labels_are_read_in_the_forms_that_people_write() -> None:
    assert [CORRECT.verdict_of(label) for label in (True, "no", 1, "YES", 0.0)] == [
        "Yes",
        "No",
        "Yes",
        "Yes",
        "No",
    ]
    assert CRITERIA["helpful"].verdict_of(1) == "1"
    with pytest.raises(ValueError, match="none of Yes, No"):
        CORRECT.verdict_of("perhaps")
