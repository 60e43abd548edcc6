"""The search over a program of known worth: the real thing but for the language model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ragent.errors import EvalError
from ragent.prompts import Example, PromptTemplate, load_prompt
from ragent_evals.optimizing.budget import Budget
from ragent_evals.optimizing.candidate import Candidate
from ragent_evals.optimizing.journal import Journal
from ragent_evals.optimizing.observing import Quote
from ragent_evals.optimizing.optimize import Optimized, Search, mixed
from ragent_evals.optimizing.program import Tried
from ragent_evals.optimizing.wording import instruction_of
from ragent_evals.optimizing.writing import About, report_json, report_markdown, write_report, write_winner
from ragent_evals.outcome import Cost, Outcome
from ragent_evals.sets.case import Case

WORTH = {"ask.k": {3: 0.3, 10: -0.2}, "ask.focus_tokens": {128: -0.1, 512: 0.2}}


@dataclass
class Flags:
    """A metric: whether the text is "right"."""

    name: str = "right"
    higher_is_better: bool = True

    def values(self, cases: Sequence[Case], outcomes: Sequence[Outcome]) -> list[float]:
        return [float(outcome.text == "right") for outcome in outcomes]


@dataclass
class Known:
    """A program that is right in a known share of the cases, which its changes add to."""

    held_out: float = 1.0
    threshold: float = 0.0
    asked: list[str] = field(default_factory=list)
    dies_after: int = 10**9

    @property
    def prompt(self) -> PromptTemplate:
        return load_prompt("answer")

    def key(self, candidate: Candidate, case: Case) -> str:
        return f"{candidate.digest}-{case.id}"

    def run(self, candidate: Candidate, case: Case) -> Tried:
        if len(self.asked) == self.dies_after:
            raise KeyboardInterrupt
        self.asked.append(self.key(candidate, case))
        gain = sum(WORTH[name][value] for name, value in candidate.settings.items())
        gain += 0.1 * bool(candidate.instruction)
        share = 0.3 + gain * (self.held_out if case.split == "test" else 1.0)
        text = "right" if int(case.id.split()[1]) % 10 < round(share * 10) else "wrong"
        return Tried(Outcome(case.id, text, support=0.9, cost=Cost(1.0)), Quote("t", 0, 9, 0, 4))

    def example(self, case: Case, quote: Quote | None) -> Example:
        return Example(case.question, "yes", ("yes it is",))


def cases(split: str, count: int) -> list[Case]:
    return [Case(f"{split} {n}", "answer", f"{split} {n}?", ("right",), split=split) for n in range(count)]


CANDIDATES = [Candidate({name: value}) for name, values in WORTH.items() for value in values]


@dataclass
class Quiet(Flags):
    """The same, without a say about silence, nor about the cases whose number ends in 9 or 0."""

    def values(self, cases: Sequence[Case], outcomes: Sequence[Outcome]) -> list[float | None]:
        said = super().values(cases, outcomes)
        return [
            None if case.id[-1] in "90" or outcome.abstained else value
            for case, outcome, value in zip(cases, outcomes, said, strict=True)
        ]


def optimized(program: Known, journal: Path, limit: int = 500) -> Optimized:
    with Journal(journal) as kept:
        search = Search(program, Flags(), kept)
        return search.run(CANDIDATES, cases("train", 60), cases("test", 60), Budget(limit))


def about() -> About:
    return About("sample", "0123456789", "right", load_prompt("answer"), "draft", "answer")


def test_changes_that_help_are_joined_and_hold_on_other_cases(tmp_path: Path) -> None:
    found = optimized(Known(), tmp_path / "journal.jsonl")
    assert found.winner.candidate.settings == {"ask.k": 3, "ask.focus_tokens": 512}
    assert found.start.value.value == 0.3
    assert found.winner.value.value == 0.8
    assert found.gain.low > 0
    assert found.silent == 0.0
    assert found.p < 0.01
    assert found.is_accepted


@pytest.mark.parametrize("limit", [60, 137, 500])
def test_no_more_is_asked_than_the_budget_allows(tmp_path: Path, limit: int) -> None:
    program = Known()
    found = optimized(program, tmp_path / "journal.jsonl", limit)
    assert len(program.asked) == len(set(program.asked)) == found.asks <= limit


def test_a_winner_that_does_worse_on_held_out_cases_is_not_written(tmp_path: Path) -> None:
    found = optimized(Known(held_out=-0.5), tmp_path / "journal.jsonl")
    assert found.gain.high < 0
    with pytest.raises(EvalError, match="does worse"):
        write_winner(found, about(), tmp_path / "home", tmp_path / "ragent.toml")
    assert not (tmp_path / "ragent.toml").exists()


def test_a_killed_search_goes_on_without_asking_anything_twice(tmp_path: Path) -> None:
    whole = optimized(Known(), tmp_path / "whole.jsonl")
    killed = Known(dies_after=100)
    with pytest.raises(KeyboardInterrupt):
        optimized(killed, tmp_path / "journal.jsonl")
    with (tmp_path / "journal.jsonl").open("a") as file:
        file.write('{"key": "cut sho')
    again = Known()
    assert optimized(again, tmp_path / "journal.jsonl") == whole
    assert not set(again.asked) & set(killed.asked)
    assert len(again.asked) + len(killed.asked) == whole.asks
    third = Known()
    assert optimized(third, tmp_path / "journal.jsonl") == whole
    assert third.asked == []


def test_the_winner_becomes_a_version_with_its_report(tmp_path: Path) -> None:
    home, config = tmp_path / "home", tmp_path / "ragent.toml"
    words = Candidate({"ask.k": 3}, instruction="Say it in one word.", examples=(Example("Who?", "Ann"),))
    with Journal(tmp_path / "journal.jsonl") as kept:
        found = Search(Known(), Flags(), kept).run(
            [words], cases("train", 60), cases("test", 60), Budget(300)
        )
    assert found.winner.candidate == words
    written = write_winner(found, about(), home, config)
    newest = load_prompt("answer", home / "prompts")
    assert newest.version == 2
    assert instruction_of(newest) == "Say it in one word."
    assert "0.400" in newest.description
    assert "Ann" in (home / "prompts" / "answer.examples.jsonl").read_text()
    assert 'prompt = "answer@2"' in config.read_text()
    assert "k = 3" in config.read_text()
    assert any("answer@2" in line for line in written)
    path = write_report(home / "runs" / "optimize", found, about())
    assert path.read_text() == report_markdown(found, about())
    assert "Better beyond chance" in path.read_text()
    assert report_json(found, about())["gain"]["value"] == 0.4


def test_examples_come_from_cases_that_went_well(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.jsonl") as kept:
        budget = Budget(40)
        found = Search(Known(), Flags(), kept).examples(cases("train", 60), 5, budget)
    assert len(found) == 5
    assert all(int(example.question.split()[1][:-1]) % 10 < 3 for example in found)
    assert budget.spent < 40


def test_every_stretch_of_mixed_cases_has_its_share_of_unanswerable_ones() -> None:
    some = [Case(str(n), "answer", "?", is_impossible=n < 20) for n in range(60)]
    for count in (6, 12, 30):
        silent = sum(case.is_impossible for case in mixed(some)[:count])
        assert abs(silent - count / 3) <= 1
    assert mixed(some) == mixed(some)


def test_cases_that_a_metric_has_no_say_about_are_left_out_of_all_that_is_compared(tmp_path: Path) -> None:
    arguments = CANDIDATES, cases("train", 60), cases("test", 60), Budget(500)
    with Journal(tmp_path / "journal.jsonl") as kept:
        found = Search(Known(), Quiet(), kept, tunes_threshold=False).run(*arguments)
        assert found.winner.candidate.settings == {"ask.k": 3, "ask.focus_tokens": 512}
        assert (found.start.value.value, found.winner.value.value) == (0.25, 0.875)
        assert (found.test_cases, found.silent) == (48, None)
        with pytest.raises(EvalError, match="nothing of silence"):
            Search(Known(), Quiet(), kept).run(*arguments[:3], Budget(500))
    assert "unknown" in report_markdown(found, about())
