from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragent.errors import ConfigError
from ragent.prompts import Example, choose_examples
from ragent.protocols import Vectors
from ragent.rag.exemplars import Exemplars
from tests.making import HashedWords

QUESTIONS = ["What does the crane lift?", "Who pays the ferry?", "When does the office open?"]


class Counting(HashedWords):
    """Notes which texts it embeds."""

    def __init__(self) -> None:
        super().__init__()
        self.embedded: list[str] = []

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        self.embedded += texts
        return super().embed_queries(texts)


def write(home: Path, questions: Sequence[str], name: str = "answer") -> None:
    (home / "prompts").mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"question": text, "answer": f"To {text}"}) for text in questions]
    (home / "prompts" / f"{name}.examples.jsonl").write_text("\n".join(lines) + "\n\n", "utf-8")


def chosen(home: Path, question: str, count: int = 1, embedder: HashedWords | None = None) -> list[str]:
    found = Exemplars(home, "answer@2", embedder or HashedWords(), count).choose(question)
    return [example.question for example in found]


def test_the_likest_come_last(tmp_path: Path) -> None:
    write(tmp_path, QUESTIONS)
    assert chosen(tmp_path, "Who pays the captain?") == ["Who pays the ferry?"]
    assert chosen(tmp_path, "Who pays the captain?", 2)[-1] == "Who pays the ferry?"
    assert sorted(chosen(tmp_path, "Who pays?", 9)) == sorted(QUESTIONS)
    assert chosen(tmp_path / "nowhere", "Who pays?", 0) == []


def test_only_what_is_new_is_embedded(tmp_path: Path) -> None:
    write(tmp_path, QUESTIONS[:2])
    embedder = Counting()
    chosen(tmp_path, "Who?", embedder=embedder)
    chosen(tmp_path, "When?", embedder=embedder)
    write(tmp_path, QUESTIONS[1:])
    best = chosen(tmp_path, "When does the office close?", embedder=embedder)
    assert best == ["When does the office open?"]
    assert embedder.embedded.count(QUESTIONS[0]) == 1
    assert embedder.embedded.count(QUESTIONS[1]) == 1
    assert embedder.embedded.count(QUESTIONS[2]) == 1
    (tmp_path / "cache" / "examples" / "answer.npz").write_bytes(b"PK damaged")
    assert chosen(tmp_path, "When does the office close?", embedder=embedder) == best
    assert embedder.embedded.count(QUESTIONS[2]) == 2


@pytest.mark.parametrize(
    "line",
    [
        "no JSON",
        "[]",
        '{"question": "x"}',
        '{"question": "", "answer": "y"}',
        '{"question": "x", "answer": 4}',
        '{"question": "x", "answer": "y", "passages": "z"}',
        '{"question": "x", "answer": "y", "sources": []}',
    ],
)
def test_a_line_that_is_no_example_is_named(tmp_path: Path, line: str) -> None:
    write(tmp_path, QUESTIONS[:1])
    path = tmp_path / "prompts" / "answer.examples.jsonl"
    path.write_text(path.read_text("utf-8").strip() + f"\n{line}\n", "utf-8")
    with pytest.raises(ConfigError, match=r"answer\.examples\.jsonl, line 2"):
        chosen(tmp_path, "Who?")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"answer\.examples\.jsonl") as raised:
        chosen(tmp_path, "Who?")
    assert "question" in raised.value.hint


def test_alike_examples_make_room_for_others() -> None:
    names = [Example(name, "a") for name in ("one", "nearly one", "other")]
    vectors = np.array([[0.9, 0.436], [0.89, 0.456], [0.8, -0.6]], np.float32)
    found = choose_examples(names, vectors, np.array([1.0, 0.0], np.float32), 2)
    assert [example.question for example in found] == ["other", "one"]


@given(st.integers(0, 8), st.integers(0, 10), st.integers(0, 99))
def test_each_is_chosen_once_and_likeness_ascends(size: int, count: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).standard_normal((size + 1, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    examples = [Example(str(n), "a") for n in range(size)]
    found = choose_examples(examples, vectors[:-1], vectors[-1], count)
    places = [int(example.question) for example in found]
    assert len(set(places)) == len(places) == min(size, count)
    likeness = [float(vectors[place] @ vectors[-1]) for place in places]
    assert likeness == sorted(likeness)
    if found:
        assert max(likeness) == pytest.approx(float((vectors[:-1] @ vectors[-1]).max()))
