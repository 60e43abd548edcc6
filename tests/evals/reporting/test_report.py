from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lxml import html

from ragent.errors import EvalError
from ragent_evals.outcome import Found, Quoted
from ragent_evals.reporting import Wanted, Written, write
from ragent_evals.reporting.worst import parts_of
from ragent_evals.sets.case import Passage
from tests.evals.keeping import case, kept, outcome

F1 = [0.0, 1.0, 0.25, 0.75, 0.5, 0.125] * 4
EVIL = (
    "</td></svg><script>alert(1)</script><img src=http://evil.example/x onerror=alert(2)>&\"'`| [a](http://b)"
)


def two_runs() -> list[Any]:
    a = kept({"exact": [float(one == 1) for one in F1], "f1": F1}, configuration={"k": 6})
    b = kept(
        {"exact": [1.0] * 24, "f1": [min(1.0, one + 0.1) for one in F1]}, "second", configuration={"k": 8}
    )
    return [a, b]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return write(two_runs(), tmp_path_factory.mktemp("report"), Wanted(metric="f1", worst=3))


def page(path: Path) -> Any:
    return html.fromstring(path.read_text("utf-8"))


def test_three_files_of_the_same_facts(written: Written) -> None:
    facts = json.loads(written.json.read_text("utf-8"))
    assert [run["title"] for run in facts["runs"]] == ["first (first-01)", "second (second-0)"]
    assert facts["runs"][0]["metrics"][1]["value"] == pytest.approx(0.4375)
    assert facts["comparisons"][0]["metrics"][0]["verdict"] == "better"
    for path in (written.html, written.markdown):
        assert "0.4375" in path.read_text("utf-8")


def test_every_number_of_the_page_is_one_of_the_json(written: Written) -> None:
    known = set(numbers(json.loads(written.json.read_text("utf-8"))))
    marked = page(written.html).xpath("//td[@class='n'] | //span[@class='value']")
    cells = [one.text_content() for one in marked]
    shown = [float(cell) for cell in cells if cell != "-"]
    assert len(shown) > 100
    assert {one for one in shown if one not in known} == set()


def numbers(value: Any) -> list[float]:
    if isinstance(value, dict | list):
        return [
            one for part in (value.values() if isinstance(value, dict) else value) for one in numbers(part)
        ]
    return [float(value)] if isinstance(value, int | float) and not isinstance(value, bool) else []


def test_every_number_of_the_json_s_metrics_is_on_the_page(written: Written) -> None:
    facts = json.loads(written.json.read_text("utf-8"))
    text = page(written.html).text_content()
    for run in facts["runs"]:
        for figure in (*run["metrics"], *run["slices"]):
            for name in ("value", "low", "high"):
                assert f"{figure[name]:.4f}" in text


def test_the_page_loads_nothing(written: Written) -> None:
    source = written.html.read_text("utf-8")
    assert not re.findall(r"https?:|//[a-z]+\.|@import|url\((?!#)", source)
    tree = page(written.html)
    assert not tree.xpath("//script | //link | //img | //iframe | //object | //a[@href]")
    assert all(value.startswith("#") for value in tree.xpath("//@href | //@src"))


def test_ids_are_there_once_and_references_lead_somewhere(written: Written) -> None:
    tree = page(written.html)
    ids = tree.xpath("//@id")
    assert len(ids) == len(set(ids))
    references = {one.removeprefix("#") for one in tree.xpath("//@href")}
    references |= set(re.findall(r"url\(#([^)]+)\)", written.html.read_text("utf-8")))
    assert references <= set(ids)


def test_plots_take_their_colours_from_the_page(written: Written) -> None:
    source = written.html.read_text("utf-8")
    tree = page(written.html)
    titles = [one.text_content() for one in tree.xpath("//figure/h3")]
    assert titles == [
        *("Metrics", "Differences", "Case by case", "Slices"),
        *("Risk and coverage", "Reliability", "Latency"),
    ]
    drawn = "".join(re.findall(r"<svg.*?</svg>", source, flags=re.DOTALL))
    assert "currentColor" in drawn
    assert not re.findall(r"#[0-9a-f]{6}\b(?!-)", re.sub(r'(id|href)="[^"]*"|url\([^)]*\)', "", drawn))
    used = set(re.findall(r"var\((--[\w-]+)\)", source))
    defined = re.findall(r"@media \(prefers-color-scheme: dark\) \{ :root \{(.*?)\}", source, flags=re.DOTALL)
    assert used <= set(re.findall(r"(--[\w-]+):", defined[0]))


def test_worst_cases_come_worst_first_and_of_equals_the_surest(written: Written) -> None:
    worst = json.loads(written.json.read_text("utf-8"))["runs"][0]["worst"]
    assert [one["value"] for one in worst] == [0, 0, 0]
    supports = [one["support"] for one in worst]
    assert supports == sorted(supports, reverse=True)
    assert len(page(written.html).xpath("//article")) == 6


def test_quotes_and_expected_words_are_marked(written: Written) -> None:
    article = page(written.html).xpath("//article")[0]
    assert [one.text_content() for one in article.xpath(".//mark")] == ["It holds forty boats."]
    assert [one.text_content() for one in article.xpath(".//blockquote//u")] == ["rebuilt in 1974"]
    assert (
        article.xpath(".//blockquote")[0].text_content()
        == "The quay was rebuilt in 1974. It holds forty boats."
    )


def test_what_comes_from_documents_stays_words(tmp_path: Path) -> None:
    evil_case = case(0, question=EVIL, answers=(EVIL,), id=EVIL, slices={EVIL: EVIL}, passages=())
    evil_outcome = outcome(
        0,
        text=EVIL,
        trace_id=EVIL,
        found=(Found(EVIL, 1.0, 0, len(EVIL), EVIL),),
        quotes=(Quoted(EVIL, 0, 10, EVIL[:10], False),),
    )
    failed = outcome(1, error=EVIL)
    run = kept(
        {EVIL: [0.0, 1.0, 0.5]},
        EVIL,
        set_name=EVIL,
        split=EVIL,
        cases=(evil_case, case(1), case(2)),
        outcomes=(evil_outcome, failed, outcome(2)),
        configuration={EVIL: EVIL},
    )
    other = replace(run, id="other", configuration={"k": EVIL}, values={EVIL: (1.0, 1.0, 0.0)})
    written = write([run, other], tmp_path)
    tree = page(written.html)
    assert not tree.xpath("//script | //img | //a | //@onerror | //@src")
    assert all(value.startswith("#") for value in tree.xpath("//@href"))
    assert EVIL in tree.xpath("//article")[0].text_content()
    markdown = written.markdown.read_text("utf-8")
    assert "<script" not in markdown
    assert "<img" not in markdown
    assert "[a](" not in markdown


def test_a_run_alone_or_one_that_failed_throughout_has_a_report(tmp_path: Path) -> None:
    broken = kept({"f1": [0.0, 0.0]}, outcomes=(outcome(0, error="no model"), outcome(1, error="no model")))
    text = page(write([broken], tmp_path).html).text_content()
    assert "no model" in text
    bare = kept({"f1": [None, None]}, metrics={}, finished_at=None, total=9)
    assert "2 of 9" in page(write([bare], tmp_path).html).text_content()


def test_runs_that_can_not_be_compared_are_shown_with_the_reason(tmp_path: Path) -> None:
    a, b = two_runs()
    written = write([a, replace(b, corpus="another")], tmp_path)
    assert "can't be compared" in page(written.html).text_content()
    assert json.loads(written.json.read_text("utf-8"))["comparisons"] == []


def test_letters_that_the_plots_font_lacks_and_formulas_are_no_trouble(tmp_path: Path) -> None:
    run = kept({"$x^2$ 漢字": [0.0, 1.0, 0.5]}, "名前\x00")
    assert "$x^2$ 漢字" in write([run], tmp_path).html.read_text("utf-8")


def test_a_report_is_the_same_each_time(tmp_path: Path, written: Written) -> None:
    again = write(two_runs(), tmp_path, Wanted(metric="f1", worst=3))
    assert again.html.read_text("utf-8") == written.html.read_text("utf-8")


def test_a_metric_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvalError, match="no metric 'bleu'") as refused:
        write(two_runs(), tmp_path, Wanted(metric="bleu"))
    assert "exact, f1" in refused.value.hint


def test_a_folder_that_can_not_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EvalError, match="can't write the report"):
        write(two_runs(), tmp_path / "file" / "report")


def test_parts_of_a_passage_make_up_its_text() -> None:
    found = Found("a", 1.0, 10, 20, "0123456789")
    quotes = [Quoted("a", 5, 13, "", True), Quoted("a", 16, 30, "", True)]
    parts = parts_of(found, quotes, [Passage("a", "23456", 12, 17), Passage("a", "8")])
    assert [(one.text, one.is_quoted, one.is_expected) for one in parts] == [
        ("01", True, False),
        ("2", True, True),
        ("345", False, True),
        ("6", True, True),
        ("7", True, False),
        ("8", True, True),
        ("9", True, False),
    ]
    assert parts_of(Found("a", 1.0, 0, 5, ""), quotes, []) == ()
