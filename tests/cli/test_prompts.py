from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Ragent

PASSAGES = json.dumps([f"Passage {n}: the crane number {n} lifts {n} tonnes." for n in range(40)])


def test_the_templates_and_ones_own(ragent: Ragent, tmp_path: Path) -> None:
    mine = tmp_path / "home" / "prompts" / "answer.jinja"
    mine.parent.mkdir(parents=True)
    mine.write_text("version: 7\ndescription: Mine.\n[user]\n{{ question }}?\n", "utf-8")
    listed = {prompt["name"]: prompt for prompt in ragent("prompts", "list", "--json").json}
    own = {"name": "answer", "version": 7, "yours": True, "variables": ["question"], "versions": [1, 7]}
    assert listed["answer"].items() >= own.items()
    assert len(listed["answer"]["digest"]) == 12
    packaged = ragent("prompts", "show", "answer@1", "--json").json
    assert (packaged["version"], packaged["yours"]) == (1, False)
    assert packaged["gives_way"][-1] == {"name": "passages", "from_first": False, "keep": 1}
    assert listed["decompose"]["variables"] == ["count", "question"]
    printed = ragent("prompts", "list").out
    assert "condense-question" in printed
    assert "[ask]" in printed
    assert ragent("prompts", "show", "answer").out == mine.read_text("utf-8")
    failed = ragent("prompts", "show", "../answer")
    assert (failed.code, "prompt's name" in failed.err) == (2, True)


def test_render_shows_tokens_and_what_was_left_out(ragent: Ragent) -> None:
    asked = (
        "prompts",
        "render",
        "answer",
        "--var",
        "question=Which lifts 7?",
        "--var",
        f"passages={PASSAGES}",
    )
    whole = ragent(*asked, "--json").json
    assert not any(whole["left_out"].values())
    assert whole["tokens"] <= whole["budget"]
    ran = ragent(*asked, "--budget", "200", "--json")
    assert ran.json["tokens"] <= 200 < whole["tokens"]
    left = [passage["text"] for passage in ran.json["left_out"]["passages"]]
    assert 0 < len(left) < 40
    assert left == json.loads(PASSAGES)[40 - len(left) :]
    said = "".join(message["content"] for message in ran.json["messages"])
    assert "Passage 0:" in said
    assert left[0] not in said
    printed = ragent(*asked, "--budget", "200")
    assert "Which lifts 7?" in printed.out
    assert f"left out of passages: {left[0]}" in printed.err


def test_values_that_do_not_fit_the_template(ragent: Ragent, tmp_path: Path) -> None:
    missing = ragent("prompts", "render", "step-back")
    assert (missing.code, "--var question" in missing.err) == (2, True)
    unused = ragent("prompts", "render", "step-back", "--var", "question=Why?", "--var", "x=1")
    assert (unused.code, "doesn't use x" in unused.err) == (2, True)
    values = tmp_path / "values.json"
    values.write_text('{"question": "Who?"}', "utf-8")
    asked = ("prompts", "render", "step-back", "--values", values)
    assert "Who?" in ragent(*asked).out
    assert "Why?" in ragent(*asked, "--var", "question=Why?").out
    values.write_text("[]", "utf-8")
    assert "no JSON object" in ragent(*asked).err
    assert "NAME=VALUE" in ragent("prompts", "render", "step-back", "--var", "Why?").err
    assert "begins like JSON" in ragent("prompts", "render", "step-back", "--var", "question=[").err
