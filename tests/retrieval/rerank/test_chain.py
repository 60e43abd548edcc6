from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import pytest

from ragent.config import RerankSettings
from ragent.errors import ConfigError, RerankError
from ragent.retrieval.rerank.chain import rerank_in_turn
from ragent.retrieval.rerank.ordering import by_score
from ragent.types import Explanation, Hit
from tests.retrieval.rerank.making import check_order, make_hits

HITS = make_hits(["a", "bb", "ccc", "dddd"])


class Longest:
    """Ranks by length."""

    def rerank(self, query: str, hits: Sequence[Hit]) -> tuple[Hit, ...]:
        return by_score(hits, [len(hit.text) for hit in hits])


class Failing:
    def __init__(self, error: Exception) -> None:
        self.error = error

    def rerank(self, query: str, hits: Sequence[Hit]) -> tuple[Hit, ...]:
        raise self.error


@dataclass
class Time:
    """A clock that a stepwise reranker moves on by a second for each passage, longest of those seen first."""

    seconds: float = 0.0
    seen: list[int] = field(default_factory=list)

    def now(self) -> float:
        return self.seconds

    def rerank(self, query: str, hits: Sequence[Hit]) -> tuple[Hit, ...]:
        *_, best = self.steps(query, hits)
        return best

    def steps(self, query: str, hits: Sequence[Hit]) -> Iterator[tuple[Hit, ...]]:
        self.seen.append(len(hits))
        for count in range(1, len(hits) + 1):
            self.seconds += 1
            yield by_score(hits, [len(hit.text) for hit in hits[:count]])


def ids(hits: Sequence[Hit]) -> list[int]:
    return [hit.chunk_id for hit in hits]


def test_each_sees_the_best_of_the_one_before() -> None:
    stepwise = Time()
    settings = RerankSettings(narrowing=0.5)
    found, account = rerank_in_turn(
        {"longest": Longest(), "b": stepwise, "c": stepwise}, "q", HITS, settings, stepwise.now
    )
    assert ids(found) == [4, 3, 2, 1]
    check_order(HITS, found)
    assert stepwise.seen == [2, 1]
    assert [(entry["name"], entry["saw"], entry["state"]) for entry in account] == [
        ("longest", 4, "done"),
        ("b", 2, "done"),
        ("c", 1, "done"),
    ]
    assert [entry["milliseconds"] for entry in account] == [0, 2000, 1000]


def test_what_runs_out_of_time_keeps_the_order_it_had_by_then() -> None:
    stepwise = Time()
    found, account = rerank_in_turn(
        {"slow": stepwise, "late": Longest()}, "q", HITS, RerankSettings(seconds=3), stepwise.now
    )
    assert ids(found) == [3, 2, 1, 4]
    check_order(HITS, found)
    assert [entry["state"] for entry in account] == ["stopped", "skipped"]
    assert account[1]["saw"] == 0


def test_a_failure_is_an_error_that_names_the_reranker() -> None:
    cause = ValueError("odd shape")
    with pytest.raises(RerankError, match=r"'bad' failed.*odd shape") as caught:
        rerank_in_turn({"bad": Failing(cause)}, "q", HITS, RerankSettings())
    assert caught.value.__cause__ is cause
    assert "on_error" in caught.value.hint
    with pytest.raises(RerankError, match="no such file") as caught:
        rerank_in_turn(
            {"bad": Failing(ConfigError("no such file", hint="name one"))}, "q", HITS, RerankSettings()
        )
    assert caught.value.hint == "name one"


def test_or_is_passed_over_where_the_settings_say_so() -> None:
    chain = {"bad": Failing(ValueError("odd")), "longest": Longest()}
    found, account = rerank_in_turn(chain, "q", HITS, RerankSettings(on_error="skip", narrowing=1))
    assert ids(found) == [4, 3, 2, 1]
    assert (account[0]["state"], account[0]["error"]) == ("failed", "odd")


def test_explanations_note_every_stage() -> None:
    told = [replace(hit, explanation=Explanation(None, 1.0, hit.score)) for hit in HITS]
    found, _ = rerank_in_turn({"longest": Longest()}, "q", told, RerankSettings())
    assert [hit.explanation and hit.explanation.stages for hit in found] == [
        {"longest": float(length)} for length in (4, 3, 2, 1)
    ]


def test_no_rerankers_and_no_hits() -> None:
    assert rerank_in_turn({}, "q", HITS, RerankSettings()) == (tuple(HITS), [])
    found, account = rerank_in_turn({"longest": Longest()}, "q", [], RerankSettings())
    assert found == ()
    assert account[0]["saw"] == 0
