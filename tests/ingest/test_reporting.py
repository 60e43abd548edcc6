from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ragent.errors import ConfigError
from ragent.ingest.reporting import check_report_path, render_html, write_report
from ragent.types import DocumentReport, Failure, IngestReport

REPORT = IngestReport(added=1, failed=(Failure("file:///b", "broken"),), chunks=3, seconds=1.5)
DOCUMENTS = [
    DocumentReport("file:///<script>alert(1)</script>", "added", 3, 0.25),
    DocumentReport("file:///b", "failed", detail='broken "& more" <b>'),
]


def test_the_page_escapes_and_loads_nothing() -> None:
    page = render_html(REPORT, DOCUMENTS, datetime(2026, 1, 2, 3, 4, tzinfo=UTC))
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "broken &#34;&amp; more&#34; &lt;b&gt;" in page
    assert "http" not in page.replace('http-equiv="Content-Security-Policy"', "")
    assert page.index("broken") < page.index("alert")
    assert "2026-01-02 03:04" in page


def test_the_report_is_written_as_its_name_says(tmp_path: Path) -> None:
    write_report(tmp_path / "r.json", REPORT, DOCUMENTS)
    read = json.loads((tmp_path / "r.json").read_text())
    assert read["summary"]["added"] == 1
    assert read["documents"][1] == {
        "uri": "file:///b",
        "status": "failed",
        "chunks": 0,
        "seconds": 0.0,
        "detail": 'broken "& more" <b>',
    }
    write_report(tmp_path / "r.HTML", REPORT, DOCUMENTS)
    assert (tmp_path / "r.HTML").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize("name", ["report.txt", "report", "nowhere/report.html"])
def test_a_report_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError):
        check_report_path(tmp_path / name)
