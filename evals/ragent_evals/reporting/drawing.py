"""Figures as SVG that stands within a page and takes its colours from it, light or dark.

matplotlib knows no CSS variables. So it draws in colours that nothing else has, and the variables' names are
put in their place afterwards.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Mapping
from typing import Any

import matplotlib
from matplotlib.figure import Figure

INK, FAINT, PAPER = "#fd0001", "#fd0002", "#fd0003"
SERIES = ("#fe0001", "#fe0002", "#fe0003", "#fe0004", "#fe0005", "#fe0006")
"""One a run; the seventh run has the first one's colour again."""

_NAMES = {INK: "currentColor", FAINT: "var(--faint)", PAPER: "var(--paper)"} | {
    colour: f"var(--series-{number})" for number, colour in enumerate(SERIES, 1)
}
_STYLE: Mapping[Any, Any] = {
    "axes.edgecolor": FAINT,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "none",
    "font.size": 10,
    "grid.color": FAINT,
    "grid.linewidth": 0.5,
    "legend.edgecolor": "none",
    "legend.facecolor": "none",
    "legend.labelcolor": INK,
    "svg.fonttype": "none",
    "text.color": INK,
    # A name may hold dollars, which are no formula.
    "text.parse_math": False,
    "xtick.color": INK,
    "ytick.color": INK,
}
_WITHOUT_METADATA = {"Creator": None, "Date": None, "Format": None, "Type": None}


class Drawing:
    """A figure in the report's style: within `with`, `figure` is drawn on; `svg` holds it afterwards."""

    def __init__(self, name: str, width: float, height: float) -> None:
        self.name = name
        self.svg = ""
        self._style = matplotlib.rc_context({**_STYLE, "svg.hashsalt": name})
        self._size = (width, height)

    def __enter__(self) -> Figure:
        self._style.__enter__()
        self._figure = Figure(figsize=self._size, layout="constrained")
        return self._figure

    def __exit__(self, *raised: object) -> None:
        try:
            if raised[0] is None:
                written = io.StringIO()
                with warnings.catch_warnings():
                    # matplotlib's font lacks some letters, but it is the browser's that shows them.
                    warnings.filterwarnings("ignore", message="Glyph .* missing from")
                    self._figure.savefig(written, format="svg", metadata=_WITHOUT_METADATA, transparent=True)
                self.svg = _inline(written.getvalue(), self.name)
        finally:
            self._style.__exit__(None, None, None)


def series(number: int) -> str:
    """The colour of a run, by its place."""
    return SERIES[number % len(SERIES)]


def _inline(svg: str, name: str) -> str:
    """An SVG document as an element of a page: no header, no addresses, no ids of another figure's."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\s(xmlns(:\w+)?|version)="[^"]*"', "", svg).replace("xlink:href=", "href=")
    svg = re.sub(r'\b(id=")|(url\(#)|(href="#)', lambda found: f"{found[0]}{name}-", svg)
    svg = re.sub(r"(font(?:-family)?: [^;\"]*?)'[^\"]*?sans-serif", r"\1sans-serif", svg)
    for colour, css in _NAMES.items():
        svg = svg.replace(colour, css)
    return svg.strip()
