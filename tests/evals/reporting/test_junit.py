from __future__ import annotations

from xml.etree.ElementTree import Element, fromstring

import pytest

from ragent.errors import EvalError
from ragent_evals.reporting import junit
from tests.evals.keeping import case, kept, outcome

RUN = kept(
    {"f1": [0.25, 0.75, None, 0.0], "seconds": [1.0, 2.0, 3.0, 4.0]}, lower_is_better=frozenset({"seconds"})
)


def suite(text: str) -> Element:
    found = fromstring(text.encode()).find("testsuite")
    assert found is not None
    return found


def failures(text: str) -> dict[str, str]:
    tests = suite(text).iter("testcase")
    return {
        one.get("name", ""): failed.get("message", "") for one in tests for failed in one.findall("failure")
    }


def test_a_case_is_a_test_and_fails_where_it_misses_a_threshold() -> None:
    text = junit(RUN, {"f1": 0.5})
    assert failures(text) == {"case-000": "f1 0.2500 is below 0.5", "case-003": "f1 0.0000 is below 0.5"}
    found = suite(text)
    assert {name: found.get(name) for name in ("name", "tests", "failures", "errors", "time")} == {
        "name": "harbour.test",
        "tests": "4",
        "failures": "2",
        "errors": "0",
        "time": "12.500",
    }
    first = found.find("testcase")
    assert first is not None
    assert (first.get("classname"), first.get("time")) == ("harbour.test", "1.000")
    told = first.findtext("failure")
    assert told == "question: When was quay 0 rebuilt?\nexpected: 1974\nanswer: In 1974, says answer 0."


def test_low_figures_are_the_good_ones_where_the_run_says_so() -> None:
    assert failures(junit(RUN, {"seconds": 3})) == {"case-003": "seconds 4.0000 is above 3"}


def test_without_thresholds_nothing_fails() -> None:
    assert failures(junit(RUN, {})) == {}


def test_an_error_of_a_case_is_an_error() -> None:
    run = kept({"f1": [0.0]}, outcomes=(outcome(0, error="no model"),))
    found = suite(junit(run, {"f1": 0.5}))
    assert (found.get("errors"), found.get("failures")) == ("1", "0")


def test_figures_are_properties() -> None:
    found = suite(junit(RUN, {}))
    names = {one.get("name"): one.get("value") for one in found.findall("properties/property")}
    assert names["run"] == RUN.id
    assert names["f1"] is not None
    assert names["f1"].startswith("0.3333 (")


def test_what_xml_can_not_hold_is_replaced() -> None:
    run = kept({"f1": [0.0]}, cases=(case(0, question="a\x00b\x1b\ud800<&]]>"),))
    failed = suite(junit(run, {"f1": 1})).find("testcase/failure")
    assert failed is not None
    assert failed.text is not None
    assert failed.text.startswith("question: a\ufffdb\ufffd\ufffd<&]]>")


def test_a_metric_that_is_not_there_is_refused() -> None:
    with pytest.raises(EvalError, match="no metric 'bleu'"):
        junit(RUN, {"bleu": 1})
