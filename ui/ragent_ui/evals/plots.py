"""Plots of figures with their intervals. Their colours are the page's own, light or dark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from ragent_evals.comparing import Difference
from ragent_evals.estimates import Estimate
from ragent_ui.words import t

_ROW = 34
_VERDICTS = {"better": "#2a9d7f", "unclear": "#8a9691", "worse": "#d1604f"}


def figures_plot(figures: Mapping[str, Estimate]) -> Any:
    """A point for each figure, and a line for its interval."""
    rows = [{"name": name, "value": of.value, "low": of.low, "high": of.high} for name, of in figures.items()]
    return _plot(rows, alt.value(_VERDICTS["better"]), t("evals.value"))


def differences_plot(differences: Sequence[Difference]) -> Any:
    """The same for differences, coloured by what can be said of them; a line stands where there is none."""
    rows = [
        {
            "name": one.metric,
            "value": one.difference,
            "low": one.low,
            "high": one.high,
            "verdict": one.verdict,
        }
        for one in _in_one_unit(differences)
    ]
    colour = alt.Color(
        "verdict:N", scale=alt.Scale(domain=list(_VERDICTS), range=list(_VERDICTS.values())), legend=None
    )
    zero = alt.Chart({"values": [{"x": 0}]}).mark_rule(strokeDash=[4, 4], color="#8a9691").encode(x="x:Q")
    return zero + _plot(rows, colour, t("evals.difference"))


def ratings_plot(standings: Sequence[Any]) -> Any:
    """The same for the ratings of an arena."""
    rows = [{"name": one.name, "value": one.rating, "low": one.low, "high": one.high} for one in standings]
    return _plot(rows, alt.value(_VERDICTS["better"]), t("arena.rating"))


def _in_one_unit(differences: Sequence[Difference]) -> list[Difference]:
    """Seconds and tokens would press shares of 1 flat: they stand in the table."""
    from ragent_evals.comparing.costs import COST_METRICS

    return [one for one in differences if one.metric not in COST_METRICS]


def _plot(rows: Sequence[Mapping[str, Any]], colour: Any, title: str) -> Any:
    base = alt.Chart({"values": list(rows)}).encode(
        y=alt.Y("name:N", sort=None, title=None, axis=alt.Axis(labelLimit=160)),
        color=colour,
        tooltip=[
            alt.Tooltip("name:N", title=t("evals.metric")),
            alt.Tooltip("value:Q", title=title, format=".4f"),
            alt.Tooltip("low:Q", title=t("evals.low"), format=".4f"),
            alt.Tooltip("high:Q", title=t("evals.high"), format=".4f"),
        ],
    )
    values = [row[end] for row in rows for end in ("low", "high")]
    is_share = min(values, default=0) >= 0 and max(values, default=0) <= 1
    scale = alt.Scale(domain=[0, 1]) if is_share else alt.Scale(zero=False, padding=12)
    line = base.mark_rule(strokeWidth=3, opacity=0.6).encode(
        x=alt.X("low:Q", title=title, scale=scale), x2="high:Q"
    )
    point = base.mark_point(filled=True, size=90, opacity=1).encode(x=alt.X("value:Q", scale=scale))
    return (line + point).properties(height=alt.Step(_ROW))
