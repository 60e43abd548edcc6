"""The plugin as projects have it, in pytests of their own."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytest_plugins = ["pytester"]

FILES = {
    "corpus.jsonl": [
        {"_id": "p0", "title": "Refunds", "text": "A manager approves refunds over 500 EUR."},
        {"_id": "p1", "title": "Harbour", "text": "Boats leave the harbour at dawn."},
        {"_id": "p2", "title": "Cats", "text": "Cats sleep on warm roofs."},
    ],
    "queries.jsonl": [
        {"_id": "q0", "text": "who approves refunds"},
        {"_id": "q1", "text": "where do cats sleep"},
    ],
}
QRELS = "query-id\tcorpus-id\tscore\nq0\tp0\t1\nq1\tp1\t1\n"
"""By which the second query's answer is wrong: its recall at 1 is 0."""


@pytest.fixture
def project(pytester: pytest.Pytester) -> Path:
    """A project with a retrieval set beside its test."""
    folder = pytester.mkdir("tests") / "set"
    (folder / "qrels").mkdir(parents=True)
    for name, lines in FILES.items():
        (folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    (folder / "qrels" / "test.tsv").write_text(QRELS, "utf-8")
    return folder.parent


def test_a_project_that_does_not_use_it_loads_nothing_of_ragent(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_light(request):
            loaded = {name for name in sys.modules if name.split(".")[0] in ("ragent", "ragent_evals")}
            assert loaded == {"ragent_evals", "ragent_evals.pytest_plugin"}
            assert not {"numpy", "matplotlib", "torch"} & set(sys.modules)
            assert request.fixturenames == ["request"]
        """
    )
    ran = pytester.runpytest_subprocess(
        "--strict-markers", "--strict-config", "-W", "error", "-p", "no:xdist"
    )
    ran.assert_outcomes(passed=1)


def test_bounds_are_held_and_what_misses_them_is_shown(pytester: pytest.Pytester, project: Path) -> None:
    (project / "test_search.py").write_text(
        """
import pytest

KEYWORD = {"retrieval": {"mode": "keyword"}}

@pytest.mark.ragent_eval(set="set", min={"recall@1": 0.4}, settings=KEYWORD)
def test_kept():
    pass

@pytest.mark.ragent_eval(set="set", min={"recall@1": 0.9}, max={"mrr@10": 0.1, "f1": 1}, settings=KEYWORD)
def test_missed():
    raise AssertionError("not reached")

@pytest.mark.ragent_eval(set="set", settings=KEYWORD)
def test_words_of_its_own(ragent_eval):
    assert [case.id for case in ragent_eval.cases] == ["q0", "q1"]
    assert ragent_eval.outcomes[0].found[0].text_id == "p0"
    assert ragent_eval.metrics["recall@10"].value > 2
""",
        "utf-8",
    )
    ran = pytester.runpytest_subprocess(
        "--strict-markers", "--ragent-home", "home", "--junitxml", "junit.xml", "-p", "no:xdist"
    )
    ran.assert_outcomes(passed=1, failed=2)
    ran.stdout.fnmatch_lines(
        [
            "set: 2 cases, run ????????",
            "recall@1 is 0.5000 (95 %: 0.0000 to 1.0000), below 0.9",
            "  0.0000  q1: where do cats sleep",
            "  1.0000  q0: who approves refunds",
            "mrr@10 is 0.*, above 0.1",
            "f1: no case of set has it",
        ]
    )
    assert "not reached" not in ran.stdout.str()
    assert (pytester.path / "home").is_dir()
    properties = {
        (test.get("name"), one.get("name")): one.get("value")
        for test in ElementTree.parse(pytester.path / "junit.xml").iter("testcase")
        for one in test.iter("property")
    }
    assert properties["test_kept", "recall@1"] == "0.5"


def test_what_is_wrong_with_a_marker_or_a_set_is_said_without_a_traceback(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.ragent_eval(set="none.jsonl")
        def test_no_set():
            pass

        @pytest.mark.ragent_eval(sett="none.jsonl")
        def test_misspelt():
            pass

        def test_unmarked(ragent_eval):
            pass
        """
    )
    ran = pytester.runpytest_subprocess("--ragent-home", "home", "-p", "no:xdist")
    ran.assert_outcomes(errors=3)
    ran.stdout.fnmatch_lines(["*none.jsonl: there is no *none.jsonl", "*name a file or a folder"])
    ran.stdout.fnmatch_lines(["*unexpected keyword argument 'sett'"])
    ran.stdout.fnmatch_lines(["*mark it with @pytest.mark.ragent_eval(set=...)"])
