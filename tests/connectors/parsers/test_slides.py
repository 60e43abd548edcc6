from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pptx
import pytest
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from ragent.errors import ParseError
from ragent.types import Document, Page

Parse = Callable[[str, bytes | str], Document]
BOX = (Inches(1), Inches(1), Inches(3), Inches(2))


def saved(show: pptx.presentation.Presentation) -> bytes:
    buffer = io.BytesIO()
    show.save(buffer)
    return buffer.getvalue()


def shape(document: Document) -> list[tuple[str, int, str, str]]:
    return [(b.kind, b.level, b.label, document.text[b.start : b.end]) for b in document.blocks]


def test_each_slide_is_a_page_with_its_title_text_tables_and_notes(parse: Parse) -> None:
    show = pptx.Presentation()
    slide = show.slides.add_slide(show.slide_layouts[1])
    slide.shapes.title.text = "Refunds"
    frame = slide.placeholders[1].text_frame
    frame.text = "by post"
    point = frame.add_paragraph()
    point.text, point.level = "within 30 days", 1
    slide.notes_slide.notes_text_frame.text = "Say why."
    show.slides.add_slide(show.slide_layouts[6])
    slide = show.slides.add_slide(show.slide_layouts[5])
    slide.shapes.title.text = "Who"
    table = slide.shapes.add_table(2, 2, *BOX).table
    for cell, text in zip(table.iter_cells(), ("Amount", "Who", "500", "a\nmanager"), strict=True):
        cell.text = text
    group = slide.shapes.add_group_shape().shapes.add_group_shape()
    group.shapes.add_textbox(*BOX).text_frame.text = "In a group."
    show.core_properties.title = "Refund policy"
    document = parse("a.pptx", saved(show))
    assert shape(document) == [
        ("heading", 1, "", "Refunds"),
        ("list", 0, "", "- by post\n  - within 30 days"),
        ("paragraph", 0, "notes", "Say why."),
        ("heading", 1, "", "Who"),
        ("table", 0, "", "Amount | Who\n500 | a manager"),
        ("paragraph", 0, "", "In a group."),
    ]
    first = document.text.index("Say why.") + len("Say why.")
    assert document.pages == (Page(1, 0, first), Page(3, first, len(document.text)))
    assert document.title == "Refund policy"


def test_a_chart_is_read_as_its_numbers(parse: Parse) -> None:
    show = pptx.Presentation()
    data = CategoryChartData()
    data.categories = ["2023", "2024"]
    data.add_series("Sales", (3, 4.5))
    slide = show.slides.add_slide(show.slide_layouts[6])
    chart = slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *BOX, data).chart
    chart.has_title = True
    chart.chart_title.text_frame.text = "Growth"
    assert parse("a.pptx", saved(show)).text == "Growth\n\nSales | 2023: 3 | 2024: 4.5"


def test_damage_and_emptiness_are_parse_errors(parse: Parse) -> None:
    show = pptx.Presentation()
    show.slides.add_slide(show.slide_layouts[6])
    whole = saved(show)
    with pytest.raises(ParseError, match="holds no text"):
        parse("a.pptx", whole)
    with pytest.raises(ParseError, match="damaged PPTX"):
        parse("a.pptx", whole[:-300])


def test_a_missing_slide_costs_only_itself(parse: Parse) -> None:
    show = pptx.Presentation()
    for title in ("One", "Two"):
        show.slides.add_slide(show.slide_layouts[5]).shapes.title.text = title
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(saved(show))) as before, zipfile.ZipFile(buffer, "w") as after:
        for entry in before.infolist():
            if entry.filename != "ppt/slides/slide1.xml":
                after.writestr(entry, before.read(entry))
    assert parse("a.pptx", buffer.getvalue()).text == "Two"
