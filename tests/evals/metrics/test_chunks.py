"""What passages have in common with the stretches that answer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragent.errors import EvalError
from ragent_evals.metrics.chunks.overlap import Stretch, overlap
from ragent_evals.metrics.metric import MetricContext
from ragent_evals.outcome import Found, Outcome
from ragent_evals.sets.case import Case, Passage, Text
from tests.evals.metrics.things import NOTHING, refuse, value
from tests.making import HashedWords

NAMES = ("token_recall", "token_precision", "token_iou")
TEXT = "Boats leave the harbour at dawn. Cats sleep."
stretches = st.lists(
    st.builds(
        lambda name, start, length: Stretch(name, start, start + length),
        st.sampled_from("ab"),
        st.integers(0, 20),
        st.integers(0, 10),
    ),
    max_size=4,
)


def characters(stretch: Stretch) -> range:
    return range(stretch.start, stretch.end)


def case(*spans: tuple[int | None, int | None]) -> Case:
    return Case("c", "retrieval", "q", passages=tuple(Passage("a", "", *span) for span in spans))


def found(*spans: tuple[str, int, int], error: str = "") -> Outcome:
    return Outcome(
        "c", found=tuple(Found(name, 1.0, start, end, "") for name, start, end in spans), error=error
    )


def test_characters_by_hand() -> None:
    asked = case((0, 10), (20, 30))
    came = found(("a", 5, 15), ("b", 0, 10), ("a", 5, 15))
    # 20 are wanted; 30 came, of which 5 (twice) are among them.
    assert [value(name, asked, came, NOTHING) for name in NAMES] == pytest.approx([5 / 20, 5 / 30, 5 / 45])


def test_tokens_of_the_embedder_where_the_set_brings_texts() -> None:
    context = MetricContext({"a": Text("", TEXT)}, HashedWords, refuse)
    asked = case((6, 23))  # leave the harbour
    came = found(("a", 12, 44))  # the harbour at dawn. Cats sleep.
    assert [value(name, asked, came, context) for name in NAMES] == pytest.approx([2 / 3, 2 / 6, 2 / 7])
    with pytest.raises(EvalError, match="no text of the set"):
        value("token_recall", asked, found(("z", 0, 5)), context)


def test_only_the_first_passages_count() -> None:
    came = found(("b", 0, 10), ("a", 0, 10))
    assert value("token_recall@1", case((0, 10)), came) == 0
    assert value("token_recall@2", case((0, 10)), came) == 1


def test_where_the_answer_stands_must_be_known() -> None:
    assert value("token_recall", case((None, None)), found(("a", 0, 10))) is None
    assert value("token_recall", Case("c", "answer", "q"), found(("a", 0, 10))) is None
    assert value("token_iou", case((0, 10)), found(("a", 0, 10), error="it broke")) == 0


@settings(deadline=None)
@given(stretches, stretches)
def test_shares_are_bounded_and_have_no_order(wanted: list[Stretch], came: list[Stretch]) -> None:
    compared = overlap(wanted, came, characters)
    assert overlap(wanted[::-1], came[::-1], characters) == compared
    assert 0 <= compared.iou <= min(compared.recall, compared.precision) or not (wanted and came)
    assert 0 <= compared.recall <= 1
    assert 0 <= compared.precision <= 1


@settings(deadline=None)
@given(st.integers(0, 20), st.integers(1, 10))
def test_the_very_stretch_is_perfect(start: int, length: int) -> None:
    own = [Stretch("a", start, start + length)]
    compared = overlap(own, own, characters)
    assert (compared.recall, compared.precision, compared.iou) == (1, 1, 1)
