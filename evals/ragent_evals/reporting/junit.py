"""A run as JUnit's XML, which CI servers show: a test a case."""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from ragent.errors import EvalError
from ragent_evals.outcome import Outcome
from ragent_evals.running.kept import KeptRun
from ragent_evals.sets.case import Case

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(run: KeptRun, thresholds: Mapping[str, float]) -> str:
    """A test suite of a run: a case that misses a threshold is a failure, one that came to an error is one.

    Args:
        run: the run.
        thresholds: by metric what a case must reach at least; at most, where low figures are the good ones.
            A case of which the metric says nothing can't miss it.

    Raises:
        EvalError: the run has no such metric of single cases.
    """
    for name in thresholds:
        if name not in run.values:
            raise EvalError(
                f"the run {run.title} has no metric {name!r} of single cases",
                hint=f"it has: {', '.join(run.values) or 'none'}",
            )
    tests = [_test(run, at, thresholds) for at in range(len(run.cases))]
    suite = Element("testsuite", _texts(name=_name(run), time=f"{run.seconds:.3f}", tests=len(tests)))
    suite.set("failures", str(sum(test.find("failure") is not None for test in tests)))
    suite.set("errors", str(sum(test.find("error") is not None for test in tests)))
    if run.created_at:
        suite.set("timestamp", run.created_at.isoformat(timespec="seconds"))
    properties = SubElement(suite, "properties")
    for name, value in {"run": run.id, "version": run.version, "corpus": run.corpus}.items():
        SubElement(properties, "property", _texts(name=name, value=value))
    for name, figure in run.metrics.items():
        value = f"{figure.value:.4f} ({figure.low:.4f} to {figure.high:.4f})"
        SubElement(properties, "property", _texts(name=name, value=value))
    suite.extend(tests)
    suites = Element("testsuites")
    suites.append(suite)
    indent(suites)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(suites, "unicode") + "\n"


def missed(run: KeptRun, at: int, thresholds: Mapping[str, float]) -> list[str]:
    """What a case, by its place in the run, misses: in words, a line a metric."""
    lines = []
    for name, threshold in thresholds.items():
        value = run.values[name][at]
        if value is None:
            continue
        if name in run.lower_is_better and value > threshold:
            lines.append(f"{name} {value:.4f} is above {threshold:g}")
        elif name not in run.lower_is_better and value < threshold:
            lines.append(f"{name} {value:.4f} is below {threshold:g}")
    return lines


def _test(run: KeptRun, at: int, thresholds: Mapping[str, float]) -> Element:
    case, outcome = run.cases[at], run.outcomes[at]
    test = Element("testcase", _texts(classname=_name(run), name=case.id, time=f"{outcome.cost.seconds:.3f}"))
    properties = SubElement(test, "properties")
    for name, values in run.values.items():
        if (value := values[at]) is not None:
            SubElement(properties, "property", _texts(name=name, value=f"{value:.4f}"))
    if outcome.error:
        SubElement(test, "error", _texts(message=outcome.error)).text = _told(case, outcome)
    elif lines := missed(run, at, thresholds):
        SubElement(test, "failure", _texts(message="; ".join(lines))).text = _told(case, outcome)
    return test


def _told(case: Case, outcome: Outcome) -> str:
    expected = "no answer" if case.is_impossible else " / ".join(case.answers)
    answer = f"withheld: {outcome.text}" if outcome.abstained else outcome.text
    return _clean(f"question: {case.question}\nexpected: {expected}\nanswer: {answer}")


def _name(run: KeptRun) -> str:
    return f"{run.set_name}.{run.split}" if run.split else run.set_name


def _texts(**values: object) -> dict[str, str]:
    return {name: _clean(str(value)) for name, value in values.items()}


def _clean(text: str) -> str:
    """Without the characters that XML can't hold."""
    return _NOT_XML.sub("\ufffd", text)
