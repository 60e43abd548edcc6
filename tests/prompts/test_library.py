from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragent.errors import ConfigError
from ragent.prompts import load_prompt, parse_prompt, prompt_names, prompt_versions, save_version


def write(folder: Path, name: str, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.jinja").write_text(text, "utf-8")


def test_the_newest_of_ones_own_is_the_default(tmp_path: Path) -> None:
    write(tmp_path, "answer", "version: 4\n[user]\nfour")
    write(tmp_path, "answer@10", "[user]\nten")
    write(tmp_path, "answer@9", "version: 9\n[user]\nnine")
    assert [prompt.version for prompt in prompt_versions("answer", tmp_path)] == [10, 9, 4, 1]
    newest = load_prompt("answer", tmp_path)
    assert (newest.version, newest.render()[0].content, newest.is_own) == (10, "ten", True)
    assert load_prompt("answer@4", tmp_path).render()[0].content == "four"
    assert not load_prompt("answer@1", tmp_path).is_own
    assert prompt_names(tmp_path).count("answer") == 1
    with pytest.raises(ConfigError, match="no prompt 'answer@7'") as raised:
        load_prompt("answer@7", tmp_path)
    assert "1, 4, 9, 10" in raised.value.hint


def test_ones_own_wins_whatever_its_version(tmp_path: Path) -> None:
    write(tmp_path, "answer", "[user]\nmine")
    mine = load_prompt("answer", tmp_path)
    assert (mine.version, mine.is_own) == (1, True)
    assert load_prompt("answer@1", tmp_path).is_own


def test_equal_texts_have_equal_digests(tmp_path: Path) -> None:
    write(tmp_path, "one", "[user]\nHello")
    write(tmp_path, "two", "[user]\nHello")
    write(tmp_path, "three", "[user]\nHello.")
    digests = [load_prompt(name, tmp_path).digest for name in ("one", "two", "three")]
    assert digests[0] == digests[1] != digests[2]
    assert load_prompt("one", tmp_path).used.digest == digests[0]


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"a@2": "version: 3\n[user]\nx"}, "version 2 by its file's name, but 3"),
        ({"a@2": "[user]\nx", "a": "version: 2\n[user]\nx"}, "two files of version 2"),
        ({"a": "version: new\n[user]\nx"}, "'new' is not a version"),
        ({"a": "version: 0\n[user]\nx"}, "'0' is not a version"),
        ({"a": "Hello\n[user]\nx"}, 'line 1 is not "name: value"'),
        ({"a": "version: 1\nversion: 1\n[user]\nx"}, "line 2 says again"),
        ({"a": "gives_way: passages from the end\n[user]\nx"}, "'passages from the end' is not a part"),
        ({"a": "gives_way: passages, passages\n[user]\nx"}, "only once"),
    ],
)
def test_files_that_can_not_be_right_are_refused(tmp_path: Path, files: dict[str, str], problem: str) -> None:
    for name, text in files.items():
        write(tmp_path, name, text)
    with pytest.raises(ConfigError, match=problem) as raised:
        load_prompt("a", tmp_path)
    assert raised.value.hint


@pytest.mark.parametrize("name", ["answer@", "answer@0", "answer@x", "answer@../1", "@1", "answer@1@2"])
def test_a_version_can_not_lead_elsewhere(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a prompt's name"):
        load_prompt(name, tmp_path)


def test_a_version_is_saved_beside_the_others(tmp_path: Path) -> None:
    folder = tmp_path / "home" / "prompts"
    packaged = load_prompt("answer")
    meta = {**packaged.head, "description": "Tried\nby hand.", "score": "0.8"}
    assert save_version(folder, "answer", packaged.body + "Please.", meta) == 2
    assert save_version(folder, "answer", "[user]\n{{ question }}", {}) == 3
    saved = load_prompt("answer@2", folder)
    assert saved.head == {
        "description": "Tried by hand.",
        "gives_way": packaged.head["gives_way"],
        "score": "0.8",
    }
    assert saved.gives_way == packaged.gives_way
    assert saved.body.endswith("Please.\n")
    assert load_prompt("answer", folder).version == 3
    assert sorted(file.name for file in folder.iterdir()) == ["answer@2.jinja", "answer@3.jinja"]


@pytest.mark.parametrize(
    ("name", "body", "meta"),
    [
        ("Answer", "[user]\nx", {}),
        ("a/b", "[user]\nx", {}),
        ("a@2", "[user]\nx", {}),
        ("a", "no section", {}),
        ("a", "[user]\n{% for %}", {}),
        ("a", "note: x\n[user]\nx", {}),
        ("a", "[user]\nx", {"Not a name": "x"}),
        ("a", "[user]\nx", {"gives_way": "passages backwards"}),
    ],
)
def test_nothing_invalid_is_saved(tmp_path: Path, name: str, body: str, meta: dict[str, str]) -> None:
    with pytest.raises(ConfigError):
        save_version(tmp_path / "prompts", name, body, meta)
    assert not list(tmp_path.rglob("*.jinja"))


@given(st.text("[]userystm\n: a", max_size=30), st.text("[]user\n: ", max_size=20))
def test_what_is_saved_is_what_is_loaded(body: str, note: str) -> None:
    try:
        prompt = parse_prompt("a", body)
    except ConfigError:
        return
    assert prompt.text.endswith(prompt.body)
    assert parse_prompt("a", prompt.body).render() == prompt.render()


def test_versions_saved_at_once_all_stay(tmp_path: Path) -> None:
    numbers: list[int] = []

    def save(text: str) -> None:
        numbers.append(save_version(tmp_path, "raced", f"[user]\n{text}", {}))

    threads = [threading.Thread(target=save, args=[f"text {n}"]) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 9))
    said = {prompt.render()[0].content for prompt in prompt_versions("raced", tmp_path)}
    assert said == {f"text {n}" for n in range(8)}
