from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ragent import Rag
from ragent.agent import ToolContext, open_tools
from ragent.config import ToolSettings
from ragent.errors import ConfigError, ToolError
from ragent.types import Page, Tool
from tests.making import FINGERPRINT, new_document


def run(tool: Tool, **arguments: object) -> str:
    result = tool.run(arguments)
    assert result.tainted
    return result.text


def opened(name: str, context: ToolContext) -> Tool:
    return open_tools([name], context)[0]


def test_search_numbers_what_it_finds_and_says_where_it_stands(rag: Rag, context: ToolContext) -> None:
    told = run(opened("search", context), query="who made the brass wheels?", k=2)
    hit = rag.search("who made the brass wheels?", 2).hits[0]
    assert f"[1] {hit.uri}, characters {hit.start} to {hit.end}" in told
    assert "Joseph Clement" in told
    assert "[2] " in told
    assert "[3] " not in told


def test_search_keeps_to_its_length_and_says_so(context: ToolContext) -> None:
    short = replace(context, settings=ToolSettings(result_chars=200))
    told = run(opened("search", short), query="the engine", k=3)
    assert len(told) < 400
    assert "more passages were found]" in told


@pytest.mark.parametrize("arguments", [{"query": ""}, {"query": "a", "k": 0}, {"query": "a", "k": 1000}, {}])
def test_a_search_for_nothing_is_a_tool_error(context: ToolContext, arguments: dict[str, object]) -> None:
    with pytest.raises(ToolError):
        run(opened("search", context), **arguments)


def test_an_empty_collection_is_a_tool_error(tmp_path_factory: pytest.TempPathFactory) -> None:
    with Rag.open(tmp_path_factory.mktemp("none")) as rag:
        for name, arguments in (
            ("search", {"query": "a"}),
            ("open_document", {"document": "1"}),
            ("lookup_name", {"name": "a"}),
        ):
            with pytest.raises(ToolError):
                run(opened(name, ToolContext.of(rag)), **arguments)


def test_a_document_is_opened_at_a_span(rag: Rag, context: ToolContext) -> None:
    hit = rag.search("brass wheels", 1).hits[0]
    told = run(opened("open_document", context), document=hit.uri, start=hit.start)
    text = rag.store.document_text(hit.document_id) or ""
    assert text[hit.start :] in told
    assert told.startswith(f"{hit.uri} ")
    assert told.endswith("[the document ends here]")
    assert run(opened("open_document", context), document=str(hit.document_id), start=hit.start) == told


def test_a_long_document_is_opened_in_parts(rag: Rag, context: ToolContext) -> None:
    hit = rag.search("tomatoes", 1).hits[0]
    tool = opened("open_document", replace(context, settings=ToolSettings.model_construct(result_chars=20)))
    assert run(tool, document=hit.uri).endswith(["Tomatoes and beans g", "[go on with start=20]"][-1])
    assert ":\nrow well in the sout\n" in run(tool, document=hit.uri, start=20)


@pytest.mark.parametrize(
    "arguments",
    [
        {"document": "file:///gone.txt"},
        {"document": "999"},
        {"document": "9" * 30},
        {"document": "²"},
        {"document": ""},
        {"document": "\0\ud800"},
        {"document": "1", "start": -1},
        {"document": "1", "start": 10**30},
        {"document": "1", "page": 1},
    ],
)
def test_what_is_not_there_is_a_tool_error(context: ToolContext, arguments: dict[str, object]) -> None:
    with pytest.raises(ToolError):
        run(opened("open_document", context), **arguments)


def test_documents_of_other_collections_are_out_of_reach(rag: Rag, tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("What is in here is of another collection.")
    with Rag.open(rag.home, collection="other") as other:
        other.ingest(tmp_path / "own.txt")
        tool = opened("open_document", ToolContext.of(other))
        hit = rag.search("tomatoes", 1).hits[0]
        for name in (hit.uri, str(hit.document_id)):
            with pytest.raises(ToolError, match="there is no document"):
                run(tool, document=name)
        assert "of another collection" in run(tool, document=(tmp_path / "own.txt").as_uri())


def test_a_document_is_opened_at_a_page(tmp_path: Path) -> None:
    new = new_document("file:///book.pdf", ["The first page.", "The second page."])
    pages = (Page(1, 0, 17), Page(2, 17, 33))
    with Rag.open(tmp_path) as rag:
        collection = rag.store.ensure_collection("default", FINGERPRINT)
        rag.store.write(collection, [replace(new, document=replace(new.document, pages=pages))])
        tool = opened("open_document", ToolContext.of(rag))
        told = run(tool, document="file:///book.pdf", page=2)
        assert told.startswith("file:///book.pdf, characters 17 to 33 of 33, page 2:\nThe second page.")
        assert ", pages 1 to 2:" in run(tool, document="file:///book.pdf")
        with pytest.raises(ToolError, match="pages 1 to 2"):
            run(tool, document="file:///book.pdf", page=3)


def test_a_name_is_found_with_what_stands_beside_it(context: ToolContext) -> None:
    told = run(opened("lookup_name", context), name="charles babbage")
    assert "mentioned in" in told
    assert "letters.txt" in told
    assert "engine.txt" in told
    beside = told.rpartition("Mentioned beside it: ")[2]
    assert "ada lovelace" in beside
    assert "london" in beside
    assert "babbage" not in beside


def test_an_unknown_name_is_told(context: ToolContext) -> None:
    assert "No passage mentions" in run(opened("lookup_name", context), name="Grace Hopper")
    with pytest.raises(ToolError, match="empty"):
        run(opened("lookup_name", context), name=" !? ")


def test_tools_over_documents_need_some() -> None:
    for name in ("search", "open_document", "lookup_name"):
        with pytest.raises(ConfigError, match="needs documents"):
            opened(name, ToolContext())
