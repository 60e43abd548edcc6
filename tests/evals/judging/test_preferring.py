from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from ragent.errors import EvalError, ServerError
from ragent.protocols import Constraint
from ragent.types import Delta, Message, Sampling
from ragent_evals.judging.exporting import write_pairs
from ragent_evals.judging.preferring import Asked, Critic, Dropped, Pair, Setup, read_questions
from ragent_evals.judging.principles import Principle, chosen_by_lot, read_principles
from tests.evals.judging.making import Think, Thinker

BRIEF = Principle("brief", "Be brief.")
SETUP = Setup([BRIEF], Sampling(max_tokens=50))
ASKED = Asked("1", "What does the ferry cost?")


def writes(prompt: str) -> str:
    if "Critique: " in prompt:
        return "Four euros."
    return "It says too much." if "falls short" in prompt else "Well, the ferry costs four euros."


def prefers(better: str, share: float) -> Think:
    def think(prompt: str, text: str) -> float:
        if better not in prompt:
            return math.log(0.5)
        first = prompt.index("Answer A: ") + len("Answer A: ")
        likes = "A" if prompt.startswith(better, first) else "B"
        return math.log(share if text == likes else 1 - share)

    return think


def pair_of(think: Think, setup: Setup = SETUP) -> Pair | Dropped:
    (found,) = Critic(Thinker(says=writes), Thinker(think), setup).pairs([ASKED])
    return found


def test_the_better_answer_is_chosen_whichever_came_first() -> None:
    revised = pair_of(prefers("Four euros.", 0.9))
    assert isinstance(revised, Pair)
    assert (revised.chosen, revised.rejected) == ("Four euros.", "Well, the ferry costs four euros.")
    assert (revised.provenance["chosen"], revised.principle) == ("revision", "brief")
    assert revised.provenance["critique"] == "It says too much."
    assert revised.margin == pytest.approx(0.8)
    drafted = pair_of(prefers("Well,", 0.9))
    assert isinstance(drafted, Pair)
    assert (drafted.chosen, drafted.provenance["chosen"]) == (revised.rejected, "draft")


def test_pairs_that_say_nothing_are_dropped_with_the_reason() -> None:
    first_always = pair_of(lambda prompt, text: math.log(0.9 if text == "A" and "ferry" in prompt else 0.1))
    assert isinstance(first_always, Dropped)
    assert first_always.reason == "flipped"
    assert first_always.bias
    unsure = pair_of(prefers("Four euros.", 0.52))
    assert isinstance(unsure, Dropped)
    assert unsure.reason == "small margin"
    same = Critic(Thinker(says=lambda _: "Four."), Thinker(), SETUP)
    empty = Critic(Thinker(says=lambda _: " "), Thinker(), SETUP)
    assert [one.pair(ASKED) for one in (same,)] == [Dropped("1", "same")]
    assert list(empty.pairs([ASKED])) == [Dropped("1", "empty")]


def test_a_model_that_fails_or_is_cut_off_costs_one_question() -> None:
    class Failing:
        name = "failing"
        context_tokens = 1000
        count_prompt = Thinker().count_prompt

        def stream(
            self, messages: Sequence[Message], sampling: Sampling, constraint: Constraint | None = None
        ) -> Iterator[Delta]:
            if "cut" in messages[-1].content:
                yield Delta("and so", "length")
            else:
                raise ServerError("no answer")

    found = list(Critic(Failing(), Thinker(), SETUP).pairs([ASKED, Asked("2", "cut")]))
    assert found == [Dropped("1", "error", "no answer"), Dropped("2", "cut off")]


def test_the_file_is_in_the_layout_of_trl_with_a_manifest(tmp_path: Path) -> None:
    pair = pair_of(prefers("Four euros.", 0.9))
    found = [pair, Dropped("2", "flipped", bias=0.3), Dropped("3", "flipped", bias=0.1), Dropped("4", "same")]
    written = write_pairs(tmp_path / "new" / "pairs.jsonl", found, {"seed": 7}, conversational=True)
    line = json.loads(written.path.read_text())
    assert line["prompt"] == [{"role": "user", "content": "What does the ferry cost?"}]
    assert line["chosen"] == [{"role": "assistant", "content": "Four euros."}]
    assert line["rejected"][0]["role"] == "assistant"
    manifest = json.loads(written.manifest.read_text())
    assert manifest["sha256"] == hashlib.sha256(written.path.read_bytes()).hexdigest()
    assert manifest["dropped"] == {"flipped": 2, "same": 1}
    assert (manifest["questions"], manifest["kept"], manifest["revised"], manifest["seed"]) == (4, 1, 1, 7)
    assert manifest["position_bias"] == pytest.approx(0.4 / 3, abs=1e-3)
    plain = write_pairs(tmp_path / "plain.jsonl", [pair], {}, conversational=False)
    assert json.loads(plain.path.read_text())["chosen"] == "Four euros."
    assert sorted(file.name for file in tmp_path.glob("*.*")) == ["plain.jsonl", "plain.jsonl.manifest.json"]


def test_principles_are_chosen_by_lot_and_all_are_used() -> None:
    principles = read_principles()
    lots = [chosen_by_lot(principles, f"0 {number}") for number in range(100)]
    assert set(lots) == set(principles)
    assert lots == [chosen_by_lot(principles, f"0 {number}") for number in range(100)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no principles"),
        ("principle = 3", "no principles"),
        ('[[principle]]\nname = "x"', "no principles"),
        ('[[principle]]\nname = "x"\ntext = " "', "without a name or a text"),
        ('[[principle]]\nname = "x"\ntext = "a"\n' * 2, "two principles of one name"),
    ],
)
def test_files_without_sound_principles(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "principles.toml"
    file.write_text(text)
    with pytest.raises(EvalError, match=problem):
        read_principles(file)


def test_questions_come_from_a_set_or_a_text(tmp_path: Path) -> None:
    lines, text = tmp_path / "set.jsonl", tmp_path / "questions.txt"
    lines.write_text('{"id": "a", "question": "Who?"}\n{"question": "When?"}')
    text.write_text("Who?\n\nWhen?\n")
    assert read_questions(lines) == [Asked("a", "Who?"), Asked("2", "When?")]
    assert read_questions(text) == [Asked("1", "Who?"), Asked("3", "When?")]
    harbour = read_questions(Path(__file__).parents[3] / "evals" / "sets" / "harbour")
    assert harbour[0] == Asked("single-01", "For how long does the harbour keep its CCTV footage?")
    text.write_text("\n")
    with pytest.raises(EvalError, match="no question"):
        read_questions(text)
    with pytest.raises(EvalError, match="can't read"):
        read_questions(tmp_path / "none.txt")
