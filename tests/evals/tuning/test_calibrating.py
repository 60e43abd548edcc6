"""The bound holds on questions that the threshold was not calibrated on; the command works end to end."""

from __future__ import annotations

import json
import subprocess
import tomllib
from pathlib import Path

import numpy as np
import pytest

from ragent.errors import EvalError
from ragent_evals.tuning.calibrating import Judged, calibrate
from tests.commands import run_command


def draw(chooser: np.random.Generator, count: int) -> list[Judged]:
    """Answers whose support says something, but is no probability."""
    support = np.round(chooser.random(count), 4)
    return [
        Judged(float(s), bool(r)) for s, r in zip(support, chooser.random(count) < support**2, strict=True)
    ]


@pytest.mark.parametrize("error", [0.05, 0.1, 0.3])
def test_the_expected_share_of_wrong_answers_is_bounded(error: float) -> None:
    chooser = np.random.default_rng(0)
    shares = []
    for _ in range(400):
        found = calibrate(draw(chooser, 60), error)
        (new,) = draw(chooser, 1)
        shares += [not one.is_right and one.support >= found.threshold for one in [new, *draw(chooser, 99)]]
    assert error - 0.03 < np.mean(shares) <= error + 0.005


def test_the_threshold_is_the_lowest_that_keeps_the_bound() -> None:
    judged = [Judged(0.9, True), Judged(0.8, False), Judged(0.7, True), Judged(0.6, False)] * 5
    assert calibrate(judged, 0.99).threshold == 0.0
    found = calibrate(judged, 0.1)
    assert (found.threshold, found.answered, found.wrong) == (0.8001, 0.25, 0.0)
    found = calibrate(judged, 0.3)
    assert (found.threshold, found.answered, found.wrong) == (0.6001, 0.75, 0.25)
    assert found.wrong_of_answered == pytest.approx(1 / 3)


def test_a_set_too_small_for_the_error_is_refused() -> None:
    with pytest.raises(EvalError, match="too few") as caught:
        calibrate([Judged(0.5, True)] * 8, 0.1)
    assert "at least 9" in str(caught.value.hint)
    assert calibrate([Judged(0.5, True)] * 9, 0.1).threshold == 0.0
    with pytest.raises(EvalError, match="silence"):
        calibrate([Judged(0.5, False)] * 50, 0.1)


def test_the_command_writes_the_threshold(tmp_path: Path) -> None:
    texts = {
        "crane": "The harbour crane lifts 40 tonnes. Halvorsen built the harbour crane in 1962.",
        "cats": "Cats sleep on warm roofs. Kittens nap under the old stove.",
    }
    asked = [
        ("Who built the harbour crane?", ["Halvorsen"]),
        ("When was the harbour crane built?", ["1962"]),
        ("Where do cats sleep?", ["warm roofs"]),
        ("Where do kittens nap?", ["under the old stove"]),
        ("Which enzyme unwinds DNA in bacteria?", []),
        ("Who sold the harbour crane to Bergen in 1999?", []),
    ]
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "contexts.jsonl").write_text(
        "\n".join(json.dumps({"_id": id_, "text": text}) for id_, text in texts.items())
    )
    (folder / "questions.jsonl").write_text(
        "\n".join(
            json.dumps({"id": str(number), "question": question, "answers": answers})
            for number, (question, answers) in enumerate(asked)
        )
    )
    home = tmp_path / "home"
    home.mkdir()
    (home / "ragent.toml").write_text('[ask]\nstyle = "extract"\n')
    refused = ragent(home, "eval", "calibrate", folder, "--error", "0.1")
    assert refused.returncode == 1
    assert "6 questions are too few" in refused.stderr
    done = ragent(home, "eval", "calibrate", folder, "--error", "0.3", "--write", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["cases"] == 6
    assert report["wrong"] <= 0.3
    assert report["answered"] >= 0.5
    text = (home / "ragent.toml").read_text()
    assert tomllib.loads(text)["ask"] == {"style": "extract", "abstain_below": report["threshold"]}
    assert "at most 30.0% answered wrongly: set, 6 questions, style extract" in text


def ragent(home: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return run_command("--home", home, *arguments)
