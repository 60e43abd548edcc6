from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from ragent.errors import EvalError
from ragent.store import Store
from ragent_evals.judging.answered import answers_of
from ragent_evals.judging.arena import Answers, Arena, Pair, arena_of, let_judge_vote, standings_of
from ragent_evals.judging.pairwise import PairJudge
from tests.evals.judging.making import Thinker, keep_run

CASES = [f"case {number}" for number in range(12)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "home") as opened:
        yield opened


def answers(*names: str) -> Answers:
    given = {name: {case: f"{name} on {case}" for case in CASES} for name in names}
    return Answers({case: f"What of {case}?" for case in CASES}, given)


def shown(arena: Arena, voter: str) -> list[Pair]:
    """All pairs that a voter is shown, who always likes the left one."""
    pairs = []
    while pair := arena.next_pair(voter):
        pairs.append(pair)
        arena.vote(pair, "left", voter)
    return pairs


def test_a_voter_sees_each_pair_once_with_sides_by_lot(store: Store) -> None:
    arena = Arena(store, "tiny", answers("old", "new"))
    pairs = shown(arena, "ann")
    assert sorted(pair.case_id for pair in pairs) == sorted(CASES)
    assert arena.pairs == 12
    assert [pair.case_id for pair in pairs] != CASES
    assert {pair.left for pair in pairs} == {"old", "new"}
    assert all(pair.left_answer == f"{pair.left} on {pair.case_id}" for pair in pairs)
    assert "old" not in repr(pairs[0]).replace(pairs[0].left_answer, "").replace(pairs[0].right_answer, "")
    bob = shown(arena, "bob")
    assert len(bob) == 12
    assert [pair.case_id for pair in bob] != [pair.case_id for pair in pairs]


def test_the_same_seed_shows_the_same(store: Store) -> None:
    first = Arena(store, "one", answers("old", "new"), seed=1)
    again = Arena(store, "two", answers("new", "old"), seed=1)
    other = Arena(store, "three", answers("old", "new"), seed=2)
    assert shown(first, "ann") == (pairs := shown(again, "ann"))
    assert shown(other, "ann") != pairs


def test_a_vote_counts_once(store: Store) -> None:
    arena = Arena(store, "tiny", answers("old", "new"))
    pair = arena.next_pair("ann")
    assert pair
    arena.vote(pair, "tie", "ann")
    with pytest.raises(EvalError, match="voted on these two answers before"):
        arena.vote(pair, "left", "ann")
    arena.vote(pair, "left", "bob")
    standing = arena.standings()[0]
    assert (standing.name, standing.wins, standing.ties) == (pair.left, 1, 1)


def test_votes_of_people_and_judges_are_told_apart(store: Store) -> None:
    def likes_new(prompt: str, text: str) -> float:
        new = "A" if "Answer A: new" in prompt else "B"
        if "new" not in prompt or "case 3" in prompt:
            return 0.0
        return math.log(0.9 if text == new else 0.1)

    arena = Arena(store, "tiny", answers("old", "new"))
    judge = PairJudge(Thinker(likes_new))
    assert len(let_judge_vote(arena, judge, least_margin=0.1, most=5, tell=lambda _: None)) == 5
    rest = let_judge_vote(arena, judge, least_margin=0.1, most=None, tell=lambda _: None)
    assert len(rest) == 7
    pair = arena.next_pair("ann")
    assert pair
    arena.vote(pair, "left" if pair.left == "old" else "right", "ann")
    best = arena.standings(is_human=False)[0]
    assert (best.name, best.wins, best.ties, best.losses) == ("new", 11, 1, 0)
    assert arena.standings(is_human=True)[0].name == "old"
    assert standings_of(store, "tiny")[0].wins == 11
    assert standings_of(store, "unknown") == []


def test_the_same_answers_are_shown_to_nobody(store: Store) -> None:
    told = Answers({"1": "Q", "2": "Q", "3": "Q"}, {"a": {"1": "x", "2": "y"}, "b": {"1": "x ", "2": "z"}})
    arena = Arena(store, "tiny", told)
    assert (arena.pairs, arena.same) == (1, 1)


def test_runs_meet_only_over_the_same_cases(store: Store) -> None:
    keep_run(store, "run-1", "base", {"one": "x", "two": "y", "three": ""})
    keep_run(store, "run-2", "base", {"one": "z", "two": "y", "three": "w"})
    keep_run(store, "run-3", "base", {"one": "z"}, version="v2")
    first, second, other = (answers_of(store, f"run-{number}") for number in (1, 2, 3))
    arena = arena_of(store, [first, second])
    assert (arena.name, arena.pairs, arena.same) == ("tiny-v1", 1, 1)
    pair = arena.next_pair("ann")
    assert pair
    assert {pair.left, pair.right} == {"base (run-1)", "base (run-2)"}
    with pytest.raises(EvalError, match="not over the same cases"):
        arena_of(store, [first, other])
    with pytest.raises(EvalError, match="two different runs"):
        arena_of(store, [first, first])


def test_the_snippet_of_the_guide_runs(store: Store) -> None:
    guide = (Path(__file__).parents[3] / "docs" / "evals-judges.md").read_text("utf-8")
    snippet = next(block for block in guide.split("```") if "from ragent_evals" in block)
    exec(snippet, {"rag": SimpleNamespace(store=store)})
    assert standings_of(store, "signing")[0].wins == 1
