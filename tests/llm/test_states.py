from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ragent.config import LLMSettings
from ragent.llm.llamacpp import LlamaCpp, open_llamacpp
from ragent.llm.states import States, forget_states, states_folder
from ragent.types import Message, Sampling, Usage

KEY = bytes(range(32))
STATE = np.arange(5000, dtype=np.uint8)
PASSAGE = "The harbour office opens at seven. The ferry to the island costs four euros. " * 8


def tokens(count: int, last: int = 0) -> list[int]:
    return [*range(count - 1), last]


@pytest.fixture
def states(tmp_path: Path) -> States:
    return States(states_folder(tmp_path), KEY, 100_000)


def save(states: States, held: list[int]) -> None:
    era = states.era()
    assert era
    states.save(era, held, STATE)


def files(home: Path) -> list[Path]:
    return sorted(states_folder(home).rglob("*.state"))


def test_another_process_finds_the_longest_beginning(states: States, tmp_path: Path) -> None:
    save(states, tokens(200))
    save(states, tokens(300, last=7))
    other = States(states_folder(tmp_path), KEY, 100_000)
    path, shared = other.find([*range(250), 9, 9])
    assert shared == 250
    assert path
    found = other.load(path)
    assert found
    assert found[0] == tokens(300, last=7)
    assert (found[1] == STATE).all()
    assert other.find([5, 6])[1] == 0


def test_a_state_of_another_model_is_not_found(states: States, tmp_path: Path) -> None:
    save(states, tokens(200))
    assert States(states_folder(tmp_path), bytes(32), 100_000).find(tokens(200)) == (None, 0)


def test_only_what_is_new_is_worth_a_file(states: States, tmp_path: Path) -> None:
    assert not states.is_worth(tokens(100))
    assert states.is_worth(tokens(200))
    save(states, tokens(200))
    assert not states.is_worth([*tokens(200), 1, 2])
    assert states.is_worth([*tokens(200), *tokens(200)])
    save(states, [*tokens(200), *tokens(200)])
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize("cut", [0, 10, 70, 3000])
def test_a_damaged_file_is_removed(states: States, tmp_path: Path, cut: int) -> None:
    save(states, tokens(200))
    (file,) = files(tmp_path)
    file.write_bytes(file.read_bytes()[:cut])
    assert states.load(file) is None
    assert not file.exists()
    save(states, tokens(200))
    (file,) = files(tmp_path)
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    assert states.load(file) is None


def test_the_folder_stays_within_its_bound(states: States, tmp_path: Path) -> None:
    for n in range(40):
        save(states, [n, *tokens(200)])
    assert 80_000 < sum(file.stat().st_size for file in files(tmp_path)) <= 100_000
    assert states.find([39, *tokens(200)])[1] == 201
    assert states.find([0, *tokens(200)])[1] == 0


def test_what_was_read_before_forgetting_is_not_written_after_it(states: States, tmp_path: Path) -> None:
    before = states.era()
    assert before
    save(states, tokens(200))
    forget_states(tmp_path)
    assert not files(tmp_path)
    states.save(before, tokens(200), STATE)
    assert states.find(tokens(200)) == (None, 0)
    assert states.era() != before
    states.save(before, tokens(200), STATE)
    assert not files(tmp_path)
    assert list((tmp_path / "cache").iterdir()) == [states_folder(tmp_path)]


def open_engine(home: Path) -> LlamaCpp:
    return open_llamacpp(LLMSettings(n_ctx=512, threads=1, cache_mb=0), home / "models")


def ask(engine: LlamaCpp, question: str) -> tuple[str, Usage]:
    deltas = list(engine.stream([Message("user", PASSAGE + question)], Sampling(max_tokens=6)))
    assert deltas[-1].usage
    return "".join(delta.text for delta in deltas), deltas[-1].usage


def test_after_a_restart_the_passages_are_not_read_again(tmp_path: Path) -> None:
    first = open_engine(tmp_path)
    expected, cold = ask(first, "What does the ferry cost?")
    first.close()
    assert cold.reused_tokens == 0
    text, warm = ask(open_engine(tmp_path), "What does the ferry cost?")
    assert text == expected
    assert warm.reused_tokens == warm.prompt_tokens - 2


def test_what_gave_way_in_memory_comes_back_from_disk(tmp_path: Path) -> None:
    engine = open_engine(tmp_path)
    expected, _ = ask(engine, "What does the ferry cost?")
    list(engine.stream([Message("user", "red and blue " * 140)], Sampling(max_tokens=2)))
    text, usage = ask(engine, "What does the ferry cost?")
    assert text == expected
    assert usage.reused_tokens > 100
    engine.close()
