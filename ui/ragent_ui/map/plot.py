"""The points of the map, as a chart that can be pointed at, zoomed and clicked."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from ragent.corpus.topics.topics import Placed, Topics
from ragent.store import Passage
from ragent_ui.markup import cut
from ragent_ui.words import t

PICKED = "picked"

_GOLDEN = 0.618033988749895
_HEIGHT = 560
_SHOWN_CHARS = 160
_WORDS = 3


def colour(topic: int) -> str:
    """A topic's, readable on light and dark; those of numbers that are near lie far apart."""
    red, green, blue = colorsys.hls_to_rgb((0.44 + topic * _GOLDEN) % 1, 0.52, 0.5)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"


def map_plot(topics: Topics, placed: Sequence[Placed], passages: Mapping[int, Passage]) -> Any:
    """A point for each passage that is still there."""
    words = [", ".join(topic.words[:_WORDS]) for topic in topics.topics]
    points = [
        {
            "x": one.x,
            "y": one.y,
            "chunk": one.chunk_id,
            "topic": one.topic,
            "words": words[one.topic],
            "title": passages[one.chunk_id].title or passages[one.chunk_id].uri,
            "text": cut(passages[one.chunk_id].text, _SHOWN_CHARS),
        }
        for one in placed
        if one.chunk_id in passages
    ]
    numbers = list(range(len(topics.topics)))
    picked = alt.selection_point(name=PICKED, fields=["chunk"])
    nothing = alt.Axis(labels=False, ticks=False, domain=False, grid=False)
    chart = alt.Chart({"values": points}).mark_circle(size=70, cursor="pointer")
    return (
        chart.encode(
            x=alt.X("x:Q", axis=nothing, title=None, scale=alt.Scale(zero=False)),
            y=alt.Y("y:Q", axis=nothing, title=None, scale=alt.Scale(zero=False)),
            color=alt.Color(
                "topic:N", legend=None, scale=alt.Scale(domain=numbers, range=[*map(colour, numbers)])
            ),
            opacity=alt.condition(picked, alt.value(0.9), alt.value(0.25)),
            tooltip=[
                alt.Tooltip("title:N", title=t("map.title")),
                alt.Tooltip("words:N", title=t("map.topics")),
                alt.Tooltip("text:N", title=t("map.passage")),
            ],
        )
        .add_params(picked)
        .properties(height=_HEIGHT)
    )
