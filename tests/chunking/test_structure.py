from __future__ import annotations

import pytest

from ragent.chunking import Shape, StructureChunker, embedding_text
from ragent.errors import ConfigError
from ragent.protocols import Tokenizer
from ragent.types import Block, BlockKind, Document, Page
from tests.chunking.checking import check, sentences


def written(*parts: tuple[BlockKind, int, str], title: str = "") -> Document:
    """A document of blocks with a blank line between each two."""
    text, blocks = "", []
    for kind, level, content in parts:
        text += "\n\n" if text else ""
        blocks.append(Block(kind, len(text), len(text) + len(content), level))
        text += content
    return Document("file:///d", title, text, "text/plain", tuple(blocks))


def plain(text: str) -> Document:
    return Document("file:///d", "d", text, "text/plain")


def test_a_short_document_is_one_chunk(wordpiece: Tokenizer) -> None:
    document = written(("heading", 1, "# Rules"), ("paragraph", 0, "One rule."), title="Rules")
    (chunk,) = StructureChunker(wordpiece, Shape(254, 200)).chunk(document)
    assert chunk.text == document.text
    assert chunk.context == "Rules"


def test_sections_are_not_mixed_where_they_are_long_enough(whitespace: Tokenizer) -> None:
    document = written(
        ("heading", 1, "First"),
        ("paragraph", 0, sentences(13)),
        ("heading", 1, "Second"),
        ("paragraph", 0, sentences(13)),
        title="T",
    )
    first, second = StructureChunker(whitespace, Shape(254, 200)).chunk(document)
    assert first.text.startswith("First")
    assert second.text.startswith("Second")


def test_the_context_is_the_heading_path_without_what_the_text_begins_with(whitespace: Tokenizer) -> None:
    document = written(
        ("heading", 1, "# Guide"),
        ("heading", 2, "## `Install` it"),
        ("paragraph", 0, sentences(15)),
        ("paragraph", 0, sentences(15)),
        ("heading", 3, "Linux\n~~~~~"),
        ("paragraph", 0, sentences(15)),
        ("paragraph", 0, sentences(15)),
        title="Manual",
    )
    chunks = StructureChunker(whitespace, Shape(254, 200)).chunk(document)
    assert [(chunk.context, chunk.text.split("\n")[0][:8]) for chunk in chunks] == [
        ("Manual", "# Guide"),
        ("Manual > Guide > Install it", "Sentence"),
        ("Manual > Guide > Install it", "Linux"),
        ("Manual > Guide > Install it > Linux", "Sentence"),
    ]


def test_a_title_that_is_the_top_heading_stands_once(whitespace: Tokenizer) -> None:
    document = written(
        ("heading", 1, "The manual"),
        ("paragraph", 0, sentences(19)),
        ("paragraph", 0, sentences(19)),
        title="The Manual",
    )
    assert [c.context for c in StructureChunker(whitespace, Shape(254, 200)).chunk(document)] == [
        "The Manual",
        "The manual",
    ]


def test_tiny_sections_are_merged_under_their_common_heading(whitespace: Tokenizer) -> None:
    parts: list[tuple[BlockKind, int, str]] = [("heading", 1, "Questions"), ("paragraph", 0, sentences(12))]
    for n in range(8):
        parts += [("heading", 2, f"Question {n}"), ("paragraph", 0, "A short answer of seven words here.")]
    chunks = StructureChunker(whitespace, Shape(254, 200)).chunk(written(*parts, title="FAQ"))
    assert min(chunk.tokens for chunk in chunks) > 40
    assert {chunk.context for chunk in chunks} <= {"FAQ", "FAQ > Questions"}
    assert all(chunk.text.lstrip().startswith("Question") for chunk in chunks)


def test_a_heading_is_never_the_end_of_a_chunk(whitespace: Tokenizer) -> None:
    parts: list[tuple[BlockKind, int, str]] = []
    for n in range(30):
        parts += [("heading", 1 + n % 3, f"Heading {n}"), ("paragraph", 0, sentences(3 + 7 * n % 19))]
    for chunk in StructureChunker(whitespace, Shape(254, 200)).chunk(written(*parts, title="T")):
        assert not chunk.text.split("\n\n")[-1].startswith("Heading")


def test_a_long_paragraph_is_split_between_sentences(whitespace: Tokenizer) -> None:
    chunks = StructureChunker(whitespace, Shape(254, 200)).chunk(plain(sentences(100)))
    assert all(chunk.text.startswith("Sentence") and chunk.text.endswith("end.") for chunk in chunks)
    assert all(100 <= chunk.tokens <= 210 for chunk in chunks)


def test_a_long_list_is_split_between_its_lines(whitespace: Tokenizer) -> None:
    items = "\n".join(f"- item {n}. With a second sentence of some length" for n in range(80))
    chunks = StructureChunker(whitespace, Shape(254, 200)).chunk(written(("list", 0, items)))
    assert len(chunks) > 3
    assert all(chunk.text.startswith("- item") and chunk.text.endswith("length") for chunk in chunks)


def test_a_sentence_without_end_is_split_between_words(wordpiece: Tokenizer) -> None:
    text = " ".join(f"word{n}" for n in range(1000))
    chunks = StructureChunker(wordpiece, Shape(254, 200)).chunk(plain(text))
    assert " ".join(chunk.text for chunk in chunks) == text


@pytest.mark.parametrize("word", ["QmFzZTY0" * 2000, "é" * 9000, "漢字" * 3000, "🙂" * 2000])
def test_a_word_without_end_is_split_and_stays_readable(tokenizer: Tokenizer, word: str) -> None:
    chunks = StructureChunker(tokenizer, Shape(254, 200)).chunk(plain(word))
    check(plain(word), chunks, tokenizer, Shape(254, 200))
    assert "".join(chunk.text for chunk in chunks) == word
    assert max(len(chunk.text) for chunk in chunks) <= 1100


def test_a_page_is_where_the_chunk_starts(whitespace: Tokenizer) -> None:
    text = sentences(60)
    middle = text.index("Sentence 30")
    document = Document("u", "t", text, "m", pages=(Page(7, 0, middle), Page(8, middle, len(text))))
    chunks = StructureChunker(whitespace, Shape(254, 200)).chunk(document)
    assert [chunk.page for chunk in chunks] == [7 if chunk.start < middle else 8 for chunk in chunks]
    assert {chunk.page for chunk in chunks} == {7, 8}


def test_a_long_context_is_shortened_in_the_middle_and_never_costs_text(wordpiece: Tokenizer) -> None:
    headings: list[tuple[BlockKind, int, str]] = [
        ("heading", n, f"Heading number {n} with quite a few words in it") for n in range(1, 9)
    ]
    document = written(
        *headings, ("paragraph", 0, sentences(20)), ("paragraph", 0, sentences(20)), title="The book"
    )
    chunks = StructureChunker(wordpiece, Shape(254, 200)).chunk(document)
    check(document, chunks, wordpiece, Shape(254, 200))
    last = chunks[-1].context
    assert last.startswith("The book > … > Heading")
    assert last.endswith("Heading number 8 with quite a few words in it")
    assert wordpiece.count([last])[0] <= 254 // 4


def test_a_title_too_long_by_itself_is_cut_with_a_mark(wordpiece: Tokenizer) -> None:
    document = Document("u", "endless title " * 100, sentences(3), "m")
    (chunk,) = StructureChunker(wordpiece, Shape(100)).chunk(document)
    assert chunk.context.startswith("endless title")
    assert chunk.context.endswith("…")
    assert wordpiece.count([chunk.context])[0] <= 25


def test_no_context_where_none_is_wanted(whitespace: Tokenizer) -> None:
    document = written(("heading", 1, "H"), ("paragraph", 0, sentences(60)), title="T")
    assert {
        chunk.context
        for chunk in StructureChunker(whitespace, Shape(254, 200, context=False)).chunk(document)
    } == {""}


def test_the_target_is_kept_under_a_large_limit(whitespace: Tokenizer) -> None:
    document = plain("\n\n".join(sentences(5) for _ in range(100)))
    small = StructureChunker(whitespace, Shape(8192, 200)).chunk(document)
    large = StructureChunker(whitespace, Shape(8192, target_tokens=600)).chunk(document)
    assert max(chunk.tokens for chunk in small) <= 250 < max(chunk.tokens for chunk in large) <= 750


def test_text_outside_the_blocks_is_kept(whitespace: Tokenizer) -> None:
    text = "before\n\nBLOCK\n\nafter"
    document = Document("u", "t", text, "m", (Block("paragraph", 8, 13),))
    assert [chunk.text for chunk in StructureChunker(whitespace, Shape(254, 200)).chunk(document)] == [text]


def test_a_limit_too_small_to_be_useful_is_refused(whitespace: Tokenizer) -> None:
    with pytest.raises(ConfigError, match="at least 32"):
        StructureChunker(whitespace, Shape(31))


def test_embedding_text_is_the_text_where_there_is_no_context() -> None:
    assert embedding_text("", "text") == "text"
    assert embedding_text("Title > Head", "text") == "Title > Head\ntext"


def test_a_label_stands_in_the_context_and_neighbours_join(tokenizer: Tokenizer) -> None:
    rows = [f"Anna {n} | Berlin | {n}" for n in range(60)]
    text, blocks = "Sales\n\nname | city | age", [Block("heading", 0, 5, 1), Block("heading", 7, 24, 2)]
    for first in range(0, 60, 5):
        group = "\n".join(rows[first : first + 5])
        start = len(text) + 2
        text += "\n\n" + group
        blocks.append(Block("table", start, len(text), label=f"rows {first + 2}–{first + 6}"))
    document = Document("file:///d", "Book", text, "text/csv", tuple(blocks))
    chunks = StructureChunker(tokenizer, Shape(256, 200)).chunk(document)
    check(document, chunks, tokenizer, Shape(256, 200))
    assert len(chunks) > 1
    assert chunks[0].context.startswith("Book > rows 2–")
    for chunk in chunks[1:]:
        first = int(chunk.text.split()[1])
        last = int(chunk.text.rpartition(" ")[2])
        path, _, label = chunk.context.rpartition(" > rows ")
        low, high = map(int, label.split("–"))
        assert path == "Book > Sales > name | city | age"
        assert low <= first + 2
        assert last + 2 <= high


def test_labels_under_different_headings_do_not_join(tokenizer: Tokenizer) -> None:
    document = Document(
        "file:///d",
        "Book",
        "A\n\none\n\nB\n\ntwo",
        "text/csv",
        (
            Block("heading", 0, 1, 1),
            Block("table", 3, 6, label="rows 2–3"),
            Block("heading", 8, 9, 1),
            Block("table", 11, 14, label="rows 2–9"),
        ),
    )
    assert [c.context for c in StructureChunker(tokenizer, Shape(256, 200)).chunk(document)] == ["Book"]


def test_a_very_long_heading_is_shortened_in_the_context_only(tokenizer: Tokenizer) -> None:
    header = " | ".join(f"column{n}" for n in range(60))
    document = written(("heading", 1, header), ("paragraph", 0, sentences(60)), title="Book")
    chunks = StructureChunker(tokenizer, Shape(256, 200)).chunk(document)
    check(document, chunks, tokenizer, Shape(256, 200))
    assert all("column0 | column1" in c.context or "…" in c.context for c in chunks if c.start > len(header))
    assert all(len(chunk.context) < 200 for chunk in chunks)


def test_the_header_of_a_long_table_stands_above_each_part_of_it(wordpiece: Tokenizer) -> None:
    rows = [f"Berth {n} | {n * 3} | free" for n in range(500)]
    table = "\n".join(["| Place | Depth | State |", "| --- | --- | --- |", *rows])
    document = written(
        ("heading", 1, "# Quay"), ("table", 0, table), ("paragraph", 0, "After it."), title="T"
    )
    shape = Shape(254, 180)
    chunks = StructureChunker(wordpiece, shape).chunk(document)
    check(document, chunks, wordpiece, shape)
    assert len(chunks) > 10
    assert chunks[0].context == "T"
    assert {chunk.context for chunk in chunks[1:]} == {"T > Quay > Place | Depth | State"}


@pytest.mark.parametrize("table", ["1 | 2\n" * 300, "no cells here\n" * 300])
def test_a_first_row_without_names_is_no_header(wordpiece: Tokenizer, table: str) -> None:
    chunks = StructureChunker(wordpiece, Shape(254, 180)).chunk(written(("table", 0, table), title="T"))
    assert len(chunks) > 2
    assert {chunk.context for chunk in chunks} == {"T"}
