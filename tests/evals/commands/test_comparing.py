"""`ragent eval compare` and `ragent eval report`, as a user runs them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ragent import Rag
from ragent.errors import ConfigError
from ragent_evals.commands.junit import wanted_junit
from tests.cli.conftest import Ragent, run_ragent
from tests.evals.keeping import keep, kept

F1 = [0.0, 1.0, 0.5, 0.75] * 5


@pytest.fixture(scope="module")
def ragent(tmp_path_factory: pytest.TempPathFactory) -> Ragent:
    """The command line over a home with three runs of a set and one of another. Tests only read it."""
    folder = tmp_path_factory.mktemp("compare")
    first = kept({"f1": F1, "seconds": [1.0] * 20}, "first", lower_is_better=frozenset({"seconds"}))
    worse = kept(
        {"f1": [one / 2 for one in F1]}, "worse", configuration={"k": 3, "llm": {"model": "smollm2-135m"}}
    )
    with Rag.open(folder / "home") as rag:
        for run in (
            first,
            worse,
            replace(first, id="again-01", name="again"),
            replace(worse, id="other-01", name="other", version="v2"),
        ):
            keep(rag.store, run)
    return lambda *arguments: run_ragent(folder / "home", *arguments, cwd=folder)


def test_a_comparison_tells_what_changed(ragent: Ragent) -> None:
    ran = ragent("eval", "compare", "first", "worse", "--cases", "1")
    assert ran.code == 0, ran.err
    lines = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert lines[0] == "worse (worse-01) beside first (first-01): 20 cases"
    assert any(line.startswith("f1 0.5625 0.2812 -0.2812") and line.endswith("worse") for line in lines)
    assert "source: even" in lines
    assert "setting k: 6 became 3" in lines
    assert "f1 lost: 1.0000 became 0.5000, case-001: When was quay 1 rebuilt?" in lines
    assert "f1: 14 more cases changed" in lines
    assert "not compared: seconds" in lines


def test_json_holds_the_comparison_whole(ragent: Ragent) -> None:
    told = ragent("eval", "compare", "first", "worse", "--json").json
    found = told["metrics"][0]
    assert (found["metric"], found["before"], found["after"], found["difference"]) == (
        "f1",
        0.5625,
        0.2812,
        -0.2812,
    )
    assert (found["p"], found["corrected_p"], found["verdict"]) == (0.0001, 0.0001, "worse")
    assert (found["won"], found["lost"], found["cases"]) == (0, 15, 20)
    assert len(told["changed"]) == 15
    assert (told["passed"], told["breaches"]) == (True, [])


def test_a_gate_that_is_not_kept_fails(ragent: Ragent, tmp_path: Path) -> None:
    gate = tmp_path / "gate.toml"
    gate.write_text("[metrics.f1]\nmax_loss = 0.02\n", "utf-8")
    ran = ragent("eval", "compare", "first", "worse", "--gate", gate)
    assert ran.code == 1
    assert "gate: f1: 0.5625 became 0.2812 (-0.2812" in ran.err
    assert ragent("eval", "compare", "worse", "first", "--gate", gate).code == 0
    told = ragent("eval", "compare", "first", "worse", "--gate", gate, "--json")
    assert (told.code, told.json["passed"], told.json["breaches"][0]["metric"]) == (1, False, "f1")


def test_fail_on_loss_needs_no_file(ragent: Ragent) -> None:
    assert ragent("eval", "compare", "first", "worse", "--fail-on-loss").code == 1
    assert ragent("eval", "compare", "first", "again", "--fail-on-loss").code == 0


def test_a_misspelt_gate_is_a_matter_of_usage(ragent: Ragent, tmp_path: Path) -> None:
    gate = tmp_path / "gate.toml"
    gate.write_text("[metrics.f1]\nmaxloss = 0.02\n", "utf-8")
    ran = ragent("eval", "compare", "first", "worse", "--gate", gate)
    assert ran.code == 2
    assert "metrics.f1.maxloss" in ran.err


def test_runs_of_other_cases_are_refused(ragent: Ragent) -> None:
    ran = ragent("eval", "compare", "first", "other", "--json")
    assert ran.code == 1
    assert ran.json["error"]["type"] == "EvalError"
    assert "the cases of their sets differ" in ran.json["error"]["message"]


def test_a_report_is_written_beside_its_junit(ragent: Ragent, tmp_path: Path) -> None:
    out, junit = tmp_path / "a" / "report", tmp_path / "junit.xml"
    ran = ragent(
        *("eval", "report", "first", "worse", "--out", out, "--worst", "2"),
        *("--junit", junit, "--min", "f1=0.6", "--json"),
    )
    assert ran.code == 0, ran.err
    assert ran.json == {
        "runs": ["first-0123456789", "worse-0123456789"],
        "html": str(out / "report.html"),
        "markdown": str(out / "report.md"),
        "json": str(out / "report.json"),
        "junit": str(junit),
    }
    facts = json.loads((out / "report.json").read_text("utf-8"))
    assert facts["comparisons"][0]["metrics"][0]["difference"] == -0.2812
    assert len(facts["runs"][0]["worst"]) == 2
    # The passages' document isn't in the collection: their words are gone, and the page says so.
    assert "its words are gone" in (out / "report.html").read_text("utf-8")
    assert len(list(ElementTree.parse(junit).iter("failure"))) == 10


@pytest.mark.parametrize("threshold", ["f1", "f1=much", "=1"])
def test_a_threshold_of_another_form_is_refused(tmp_path: Path, threshold: str) -> None:
    with pytest.raises(ConfigError, match="is no threshold"):
        wanted_junit(tmp_path / "junit.xml", [threshold])


def test_thresholds_need_a_file_and_the_file_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--junit, which is missing"):
        wanted_junit(None, ["f1=0.4"])
    with pytest.raises(ConfigError, match="no such folder"):
        wanted_junit(tmp_path / "none" / "junit.xml", [])
    assert wanted_junit(None, None) is None


def test_a_run_writes_its_junit(tmp_path: Path) -> None:
    cases = [
        {"id": "a", "kind": "retrieval", "question": "who approves refunds", "relevant": {"p0": 1}},
        {"id": "b", "kind": "retrieval", "question": "where do cats sleep", "relevant": {"p0": 1}},
    ]
    texts = [
        {"_id": "p0", "title": "", "text": "A manager approves refunds over 500 EUR."},
        {"_id": "p1", "title": "", "text": "Cats sleep on warm roofs."},
    ]
    for name, lines in (("cases.jsonl", cases), ("contexts.jsonl", texts)):
        (tmp_path / name).write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    ran = run_ragent(
        tmp_path / "home",
        *("eval", "run", tmp_path / "cases.jsonl", "--set", "retrieval.mode=keyword", "--json"),
        *("--metrics", "recall@1", "--junit", tmp_path / "junit.xml", "--min", "recall@1=1"),
    )
    assert ran.code == 0, ran.err
    tests = {
        test.get("name"): [one.get("message") for one in test.iter("failure")]
        for test in ElementTree.parse(tmp_path / "junit.xml").iter("testcase")
    }
    assert tests == {"a": [], "b": ["recall@1 0.0000 is below 1"]}
