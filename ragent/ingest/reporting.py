"""Writes what became of each document, as a page to read or as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from ragent.errors import ConfigError
from ragent.types import DocumentReport, IngestReport

_TEMPLATE = Path(__file__).with_name("report.html.j2")
_FIRST = ("failed", "gone", "deleted", "moved", "duplicate", "updated", "added", "unchanged")


def check_report_path(path: Path) -> None:
    """Raises ConfigError unless a report can be written there: better before the work than after it."""
    if path.suffix.lower() not in (".html", ".htm", ".json"):
        raise ConfigError(
            f"can't tell the format of the report {path}", hint="name it FILE.html or FILE.json"
        )
    if not path.absolute().parent.is_dir():
        raise ConfigError(f"can't write {path}: there is no such folder", hint="make it first")


def write_report(path: Path, report: IngestReport, documents: Sequence[DocumentReport]) -> None:
    """Write the report in the format that the file's name says: a page of its own, or JSON."""
    if path.suffix.lower() == ".json":
        text = json.dumps({"summary": asdict(report), "documents": [asdict(one) for one in documents]})
    else:
        text = render_html(report, documents, datetime.now().astimezone())
    path.write_text(text, "utf-8")


def render_html(report: IngestReport, documents: Sequence[DocumentReport], when: datetime) -> str:
    """A page that loads nothing. Whatever comes from documents is escaped."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    ordered = sorted(documents, key=lambda one: _FIRST.index(one.status))
    counts = {status: sum(one.status == status for one in documents) for status in _FIRST}
    template = environment.from_string(_TEMPLATE.read_text("utf-8"))
    return template.render(report=report, documents=ordered, counts=counts, when=when)
