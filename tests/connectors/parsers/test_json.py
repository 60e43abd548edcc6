from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragent.types import Document, RawDocument
from ragent_connectors.parsers.ipynb import NotebookParser
from ragent_connectors.parsers.json import JsonParser
from ragent_connectors.parsers.jsonl import JsonLinesParser

Parse = Callable[[str, bytes | str], Document]
RECORD = {"name": "Anna", "note": "n" * 300}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=200),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=9), inner, max_size=8),
    max_leaves=60,
)


def sure(name: str, text: str) -> float:
    return JsonParser().accepts(RawDocument("file:///x", name, text.encode()))


def labels(document: Document) -> list[str]:
    return [block.label for block in document.blocks]


def test_readable_json_is_kept_as_it_is(parse: Parse) -> None:
    source = '{\n  "a": 1.10,\n  "b": [1, 2]\n}\n'
    document = parse("a.json", source)
    assert document.text == source
    assert [(b.kind, document.text[b.start : b.end]) for b in document.blocks] == [("code", source.strip())]


def test_values_that_fit_a_block_stay_whole_and_know_their_path(parse: Parse) -> None:
    value = {"version": 2, "people": [RECORD] * 4, "tail": {"x": [{"deep": "d" * 900}]}}
    document = parse("a.json", json.dumps(value, indent=2))
    assert labels(document) == ["version", "people[0]–people[1]", "people[2]–people[3]", "tail.x[0].deep"]
    covered = "".join(document.text[b.start : b.end] for b in document.blocks)
    assert "".join(covered.split()) == "".join(document.text.split())


def test_endless_lines_and_escaped_letters_are_written_anew(parse: Parse) -> None:
    source = '{"a":1.10,"a":2,"b":["\\u00fc\\ud83d\\ude00",1e400],"c":[],"d":{},"e":"\\u0001\\/"}'
    assert parse("a.json", source).text == (
        '{\n  "a": 1.10,\n  "a": 2,\n  "b": ["ü😀", 1e400],\n  "c": [],\n  "d": {},\n  "e": "\\u0001/"\n}'
    )
    assert max(map(len, parse("a.json", json.dumps([RECORD] * 9)).text.split("\n"))) < 400


@given(st.lists(VALUES, min_size=1, max_size=30) | st.dictionaries(st.text(), VALUES, min_size=1))
def test_writing_anew_keeps_the_values(value: object) -> None:
    # DEL is the one control character that JSON leaves as it is, and no document's text holds any.
    source = json.dumps([value, "\u00fc" * 9]).replace("\x7f", "")
    document = JsonParser().parse(RawDocument("file:///a.json", "a.json", source.encode()))
    assert json.loads(document.text) == json.loads(source) or "\\u" in document.text
    position = 0
    for block in document.blocks:
        assert not document.text[position : block.start].strip()
        position = block.end
    assert not document.text[position:].strip()


def test_only_what_parses_is_json() -> None:
    assert sure("a.txt", '{"a": 1}') > 0.5
    assert sure("a.json", "\ufeff[1, 2]") > 0.5
    assert sure("a.json", '{"a": 1') == 0
    assert sure("a.md", "[link](x) and more") == 0
    assert sure("a.json", "[" * 100_000) == 0


def test_lines_of_json_are_kept_and_counted(parse: Parse) -> None:
    lines = [json.dumps({"id": n, "text": "w" * 250}) for n in range(7)]
    document = parse("a.jsonl", "\n".join(lines) + "\n\n" + '{"id": "\\u00fc"}\n')
    assert labels(document) == ["lines 1–2", "lines 3–4", "lines 5–6", "line 7", "line 9"]
    assert document.text.endswith('{"id": "ü"}\n')
    assert document.media_type == "application/x-ndjson"


def test_a_damaged_line_does_no_harm(parse: Parse) -> None:
    text = '{"a": 1}\n{"b": 2}\n{"c": 3}\n{"d": 4}\n{"e": 5}\n' + '"\\\\u00fc' + '"\\"' * 50_000
    assert '"a": 1' in parse("a.jsonl", text).text


@pytest.mark.parametrize("text", ['{"a": 1}\n', "{x}\n{y}\n", "1\n2\n", '{"a":1}\nprose\n'])
def test_other_text_is_no_json_lines(text: str) -> None:
    assert JsonLinesParser().accepts(RawDocument("file:///x", "x.jsonl", text.encode())) == 0


def test_a_notebook_is_prose_code_and_output(parse: Parse) -> None:
    outputs = [
        {"output_type": "stream", "text": ["\x1b[31mone\x1b[0m\n", "two"]},
        {"output_type": "execute_result", "data": {"text/html": "<b>", "text/plain": "3" * 2000}},
        {"output_type": "display_data", "data": {"image/png": "AAAA"}},
        {"output_type": "error", "ename": "ValueError", "evalue": "bad", "traceback": ["long"]},
    ]
    cells = [
        {
            "cell_type": "markdown",
            "source": ["# The study\n", "\n", "Some *words*.\n", "\n", "Part\n", "---"],
        },
        {"cell_type": "code", "source": "print(1)", "outputs": outputs},
        {"cell_type": "raw", "source": "raw"},
        {"cell_type": "markdown", "source": []},
    ]
    document = parse("a.ipynb", json.dumps({"nbformat": 4, "metadata": {}, "cells": cells}))
    assert document.title == "The study"
    assert [(b.kind, b.level, b.label, document.text[b.start : b.end][:20]) for b in document.blocks] == [
        ("heading", 1, "", "The study"),
        ("paragraph", 0, "cell 1", "Some *words*."),
        ("heading", 2, "", "Part"),
        ("code", 0, "cell 2", "print(1)"),
        ("code", 0, "cell 2, output", "one\ntwo"),
        ("code", 0, "cell 2, output", "3" * 20),
        ("code", 0, "cell 2, output", "ValueError: bad"),
        ("paragraph", 0, "cell 3", "raw"),
    ]
    assert len(document.text) < 1200


def test_an_older_notebook_is_read(parse: Parse) -> None:
    cells = [{"cell_type": "heading", "level": 2, "source": ["Old"]}, {"cell_type": "code", "input": "x = 1"}]
    text = parse("a.ipynb", json.dumps({"nbformat": 3, "worksheets": [{"cells": cells}]})).text
    assert text == "Old\n\nx = 1"


@pytest.mark.parametrize("cells", [None, 3, [], [1, "x"], {"a": 1}])
def test_json_that_only_looks_like_a_notebook_is_none(cells: object) -> None:
    data = json.dumps({"nbformat": 4, "cells": cells}).encode()
    assert NotebookParser().accepts(RawDocument("file:///x", "x.ipynb", data)) == 0
