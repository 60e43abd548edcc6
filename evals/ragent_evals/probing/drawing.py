"""A curve for each probe: how good answers are at each level, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ragent.errors import EvalError
from ragent_evals.probing.table import Row

_WIDTH, _HEIGHT = 3.2, 3.0


def draw(rows: Sequence[Row], path: Path) -> None:
    """Draw the rows of `table` into a file, whose ending says the format (png, svg, pdf).

    Raises:
        EvalError: it can't be written, or has no such ending.
    """
    from matplotlib.figure import Figure

    probes = list(dict.fromkeys(row.probe for row in rows))
    figure = Figure(figsize=(_WIDTH * len(probes), _HEIGHT), layout="constrained")
    panels = figure.subplots(1, len(probes), sharey=True, squeeze=False)[0]
    for panel, probe in zip(panels, probes, strict=True):
        some = [row for row in rows if row.probe == probe]
        for label, marker, estimates in (
            ("right", "o", [row.right for row in some]),
            ("answered", "s", [row.answered for row in some]),
        ):
            values = [one.value for one in estimates]
            below = [one.value - one.low for one in estimates]
            above = [one.high - one.value for one in estimates]
            places = range(len(some))
            panel.errorbar(places, values, yerr=[below, above], marker=marker, capsize=3, label=label)
        panel.set_xticks(range(len(some)), [row.level for row in some], rotation=30, ha="right")
        panel.set_title(f"{probe}, {some[0].cases} cases")
        panel.set_ylim(-0.02, 1.02)
        panel.grid(axis="y", alpha=0.3)
    panels[0].legend()
    try:
        figure.savefig(path, dpi=150)
    except (OSError, ValueError) as error:
        raise EvalError(
            f"can't draw {path}: {error}", hint="--plot FILE.png, FILE.svg or FILE.pdf"
        ) from error
