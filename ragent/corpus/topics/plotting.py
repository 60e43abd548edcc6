"""The map of a collection as a picture: SVG, alone or in a page of HTML."""

from __future__ import annotations

import colorsys
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

from ragent.corpus.topics.topics import Topics
from ragent.errors import ConfigError

_SIZE, _MARGIN, _LEGEND = 720, 20, 330
_LINE = 22
_GOLDEN = 0.618033988749895
_WORDS = 4
_HEAD = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Topics</title><body>'


def write_map(topics: Topics, names: Mapping[int, str], path: Path) -> None:
    """Write a point for each passage, in its topic's colour, by the suffix of `path`: `.svg` or `.html`.

    Args:
        topics: What to draw.
        names: Of documents, by id: shown where the pointer rests.
        path: The file.

    Raises:
        ConfigError: the suffix is another one.
    """
    picture = "\n".join(_picture(topics, names))
    if path.suffix == ".svg":
        path.write_text(picture, "utf-8")
    elif path.suffix == ".html":
        path.write_text(f"{_HEAD}\n{picture}\n</body></html>\n", "utf-8")
    else:
        raise ConfigError(f"can't tell the format of {path.name}", hint="name a .svg or a .html file")


def _picture(topics: Topics, names: Mapping[int, str]) -> Iterator[str]:
    height = max(_SIZE, _LINE * (len(topics.topics) + 2))
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_SIZE + _LEGEND} {height}" '
        f'width="{_SIZE + _LEGEND}" height="{height}" font-family="sans-serif" font-size="13">'
    )
    yield f'<rect width="{_SIZE + _LEGEND}" height="{height}" fill="white"/>'
    spans = [(min(values), max(values)) for values in _axes(topics)]
    for point in topics.placed:
        x, y = (_scaled(value, span) for value, span in zip((point.x, -point.y), spans, strict=True))
        title = escape(names.get(point.document_id, ""))
        yield (
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{_colour(point.topic)}" fill-opacity="0.75">'
            f"<title>{title}</title></circle>"
        )
    for row, topic in enumerate(topics.topics):
        y = _MARGIN + _LINE * row
        yield f'<circle cx="{_SIZE + 8}" cy="{y}" r="6" fill="{_colour(row)}"/>'
        words = escape(", ".join(topic.words[:_WORDS]))
        yield f'<text x="{_SIZE + 22}" y="{y + 4}">{topic.number}: {words} ({topic.chunks})</text>'
    yield "</svg>"


def _axes(topics: Topics) -> tuple[list[float], list[float]]:
    return [point.x for point in topics.placed], [-point.y for point in topics.placed]


def _scaled(value: float, span: tuple[float, float]) -> float:
    low, high = span
    share = (value - low) / (high - low) if high > low else 0.5
    return _MARGIN + share * (_SIZE - 2 * _MARGIN)


def _colour(topic: int) -> str:
    red, green, blue = colorsys.hls_to_rgb(topic * _GOLDEN % 1, 0.45, 0.65)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"
