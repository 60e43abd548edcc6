"""What every parser promises of every document, on files that fit its format and on damaged ones."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from itertools import pairwise

import docx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragent.errors import ParseError
from ragent.ingest.parsing import parse
from ragent.types import Document, RawDocument
from tests.connectors.conftest import PdfMaker

LINES = st.lists(
    st.text(
        st.one_of(
            st.characters(codec="utf-8", exclude_categories=["Cs"]),
            st.sampled_from(list("\0\r\n\t |#=*-_<>&;{}[]\\\"'`:,\ufffe\ud800")),
        ),
        max_size=40,
    ),
    min_size=1,
    max_size=8,
)


def as_text(lines: list[str], end: str = "\r\n") -> bytes:
    return end.join(lines).encode("utf-8", "replace")


def as_pdf(lines: list[str]) -> bytes:
    shown = [line.encode("cp1252", "replace").decode("cp1252").replace("\\", "/") for line in lines]
    page = [(72.0, 700.0 - 14 * n, 11.0, line) for n, line in enumerate(shown)]
    return PdfMaker()([page, [], page])


def as_docx(lines: list[str]) -> bytes:
    word = docx.Document()
    for line in lines:
        word.add_paragraph("".join(c for c in line if c.isprintable()))
    buffer = io.BytesIO()
    word.save(buffer)
    return buffer.getvalue()


def as_notebook(lines: list[str]) -> bytes:
    return json.dumps({"nbformat": 4, "cells": [{"cell_type": "markdown", "source": lines}]}).encode()


def as_rtf(lines: list[str]) -> bytes:
    return (r"{\rtf1\ansi " + r"\par ".join(lines) + "}").encode("cp1252", "replace")


FORMATS: dict[str, Callable[[list[str]], bytes]] = {
    **dict.fromkeys(
        ("txt", "md", "rst", "adoc", "html", "csv", "tsv", "json", "jsonl", "xml", "py"), as_text
    ),
    **dict.fromkeys(("eml", "srt", "vtt", "js"), as_text),
    "pdf": as_pdf,
    "docx": as_docx,
    "ipynb": as_notebook,
    "rtf": as_rtf,
}
HEADS = {
    "eml": b"From: a@b.example\r\nTo: c@d.example\r\nSubject: x\r\n\r\n",
    "html": b"<html><body><p>",
    "vtt": b"WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n",
    "srt": b"1\n00:00:01,000 --> 00:00:02,000\n",
}


def check(document: Document) -> None:
    text, position = document.text, 0
    assert text.strip()
    assert text.encode("utf-8")
    assert not set("\0\r") & set(text)
    for block in document.blocks:
        assert position <= block.start < block.end <= len(text)
        assert (block.level > 0) == (block.kind == "heading")
        position = block.end
    if document.pages:
        assert (document.pages[0].start, document.pages[-1].end) == (0, len(text))
        assert all(a.end == b.start and a.number < b.number for a, b in pairwise(document.pages))
    assert json.loads(json.dumps(dict(document.metadata))) == dict(document.metadata)
    assert document.title


@pytest.mark.parametrize("suffix", FORMATS)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(lines=LINES, cut=st.integers(0, 3), place=st.floats(0, 1))
def test_a_document_keeps_its_promises_or_is_refused(
    suffix: str, lines: list[str], cut: int, place: float
) -> None:
    data = HEADS.get(suffix, b"") + FORMATS[suffix](lines)
    start = int(place * len(data))
    if cut == 0:  # else the file is whole
        data = data[:start] + data[start + 7 :]
    try:
        document = parse(RawDocument(f"file:///a.{suffix}", f"a.{suffix}", data))
    except ParseError:
        return
    check(document)


def test_a_zip_of_nonsense_is_refused_by_all() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in ("word/document.xml", "ppt/presentation.xml", "xl/workbook.xml", "content.xml"):
            archive.writestr(name, b"<nonsense")
    with pytest.raises(ParseError):
        parse(RawDocument("file:///a.docx", "a.docx", buffer.getvalue()))
