"""Writes a report: as a page, as Markdown and as JSON, all of the same facts."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from ragent.errors import EvalError
from ragent_evals.reporting.facts import Wanted, as_json, gather
from ragent_evals.running.kept import KeptRun

_HERE = Path(__file__).parent
_MARKDOWN = re.compile(r"([\\`*_\[\]|~])")


@dataclass(frozen=True, slots=True)
class Written:
    """Where a report is."""

    html: Path
    markdown: Path
    json: Path


def write(runs: Sequence[KeptRun], folder: Path, wanted: Wanted | None = None) -> Written:
    """Write report.html, report.md and report.json to a folder, which is made if there is none.

    Raises:
        EvalError: nothing can be told of a run, or the folder can't be written.
    """
    from ragent_evals.reporting.plots import draw

    report = gather(runs, wanted)
    facts = as_json(report)
    texts = {
        "report.html": render_html(facts, draw(report, runs)),
        "report.md": render_markdown(facts),
        "report.json": json.dumps(facts, ensure_ascii=False, indent=1) + "\n",
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            # A lone surrogate, which some files hold, is no UTF-8.
            (folder / name).write_text(text, "utf-8", errors="replace")
    except OSError as error:
        raise EvalError(f"can't write the report to {folder}: {error}", hint="choose another --out") from None
    return Written(*(folder / name for name in texts))


def render_html(facts: Any, plots: Sequence[Any]) -> str:
    """A page that loads nothing and runs nothing. Whatever comes from documents or models is escaped."""
    return _render("report.html.j2", {**facts, "plots": plots})


def render_markdown(facts: Any) -> str:
    """The same without plots. Whatever comes from documents or models stands as plain words in it."""
    return _render("report.md.j2", facts)


def _render(name: str, values: Any) -> str:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"number": _number, "signed": _signed, "amount": _amount, "told": _told}
    return environment.from_string((_HERE / name).read_text("utf-8")).render(**values)


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.4f}"


def _amount(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}".rstrip("0").rstrip(".")


def _signed(value: float) -> str:
    return f"{value:+.4f}"


def _told(value: object) -> Markup:
    """Words as Markdown that shows these very words, on one line."""
    words = escape(" ".join(str(value).split()), quote=False)
    return Markup(_MARKDOWN.sub(r"\\\1", words))  # noqa: S704 - it is escaped
