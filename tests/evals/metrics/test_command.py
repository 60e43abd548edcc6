"""`ragent eval metrics`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ragent.registry import names
from ragent_evals.commands.app import app
from ragent_evals.metrics.metric import Metric
from ragent_evals.outcome import Outcome
from ragent_evals.sets.case import Case
from tests.evals.metrics.things import NOTHING

DOCS = (Path(__file__).parents[3] / "docs" / "evals-metrics.md").read_text("utf-8")


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["metrics", *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_all_are_listed() -> None:
    told = json.loads(run("--json"))
    assert [each["name"].partition("@")[0] for each in told["metrics"]] == names("ragent.metrics")
    (f1,) = (each for each in told["metrics"] if each["name"] == "f1")
    assert f1["kinds"] == ["answer"]
    assert f1["higher_is_better"] is True
    assert f1["summary"].startswith("How many words")
    assert "ndcg@10" in told["defaults"]["retrieval"]


def test_those_of_a_kind() -> None:
    told = json.loads(run("--kind", "tools", "--json"))
    listed = [each["name"] for each in told["metrics"]]
    assert {"call", "no_call", "seconds"} <= set(listed)
    assert "f1" not in listed
    assert list(told["defaults"]) == ["tools"]


def test_people_see_which_way_is_up() -> None:
    lines = run("--kind", "answer").splitlines()
    (aurc,) = (line.split() for line in lines if line.startswith("aurc "))
    assert aurc[1:3] == ["answer", "low"]
    assert lines[-1].startswith("answer, where none are named: exact_match, f1")


def test_an_unknown_kind_is_refused() -> None:
    assert CliRunner().invoke(app, ["metrics", "--kind", "nonsense"]).exit_code == 2


def test_the_page_tells_of_every_metric() -> None:
    told = {
        name.removesuffix("@k")
        for row in re.findall(r"^\| (`.*?) \|", DOCS, re.M)
        for name in re.findall(r"`(.*?)`", row)
    }
    assert told == set(names("ragent.metrics"))


@pytest.mark.parametrize("block", re.findall(r"^```python\n(.*?)^```", DOCS, re.M | re.S))
def test_the_pages_own_metric_works(block: str) -> None:
    made: dict[str, object] = {"__name__": "page"}
    exec(block, made)
    metric = made["open_brevity"](NOTHING)  # type: ignore[operator]
    assert isinstance(metric, Metric)
    cases = [Case("c", "answer", "q"), Case("c", "tools", "q")]
    assert metric.values(cases, [Outcome("c", "at dawn")] * 2) == [1, None]
