"""What holds for every chunker, whatever the document."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ragent.chunking import (
    CodeChunker,
    FixedChunker,
    RecursiveChunker,
    SemanticChunker,
    SentenceChunker,
    Shape,
    StructureChunker,
)
from ragent.protocols import Chunker, Tokenizer
from ragent.types import Block, BlockKind, Document, Page
from tests.chunking.checking import check, sentences
from tests.making import HashedWords

KINDS: tuple[BlockKind, ...] = ("heading", "paragraph", "list", "table", "code", "quote")


@dataclass(frozen=True)
class Counting(HashedWords):
    """Vectors of hashed words, tokens of any tokenizer."""

    tokenizer: Tokenizer = field(kw_only=True)  # type: ignore[assignment]


def semantic(tokenizer: Tokenizer, shape: Shape) -> Chunker:
    return SemanticChunker(Counting(shape.max_tokens, tokenizer=tokenizer), shape)


CHUNKERS: dict[str, Callable[[Tokenizer, Shape], Chunker]] = {
    "structure": StructureChunker,
    "recursive": RecursiveChunker,
    "sentences": SentenceChunker,
    "fixed": FixedChunker,
    "code": CodeChunker,
    "semantic": semantic,
}


@pytest.fixture(params=CHUNKERS)
def make(request: pytest.FixtureRequest) -> Callable[[Tokenizer, Shape], Chunker]:
    return CHUNKERS[request.param]


def program(functions: int) -> str:
    body = "\n".join("    if a:\n        b(c)\n        {\n        }" for _ in range(functions))
    return "\n\n".join(f"def f{n}(a, b):\n{body}" for n in range(functions))


TEXT = st.one_of(
    st.text(max_size=300),
    st.lists(
        st.sampled_from(
            ["word", "Ein Satz.", "完。", "🙂", "\n", "\n\n", " ", "\t", "x" * 200, "a" * 4000, "ﷺ", "}"]
        ),
        max_size=80,
    ).map("".join),
    st.lists(st.text("ab .\n。", max_size=40), max_size=40).map("\n".join),
    st.integers(0, 2000).map(lambda n: "\n" * n),
    st.integers(0, 400).map(sentences),
    st.integers(0, 9).map(program),
    st.integers(0, 300).map(lambda n: "\n".join(" " * column + "x = 1" for column in range(n))),
)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    text = draw(TEXT)
    places = sorted(draw(st.sets(st.integers(0, len(text)), max_size=12)))
    blocks = []
    for start, end in pairwise(places):
        if draw(st.booleans()):
            kind = draw(st.sampled_from(KINDS))
            label = draw(st.sampled_from(["", "", "rows 2–9", "Ledger", "Ledger.total"]))
            blocks.append(Block(kind, start, end, draw(st.integers(1, 6)) if kind == "heading" else 0, label))
    cuts = [0, *sorted(draw(st.lists(st.integers(0, len(text)), max_size=3))), len(text)]
    pages = tuple(Page(number, start, end) for number, (start, end) in enumerate(pairwise(cuts), 1))
    title = draw(st.text(max_size=30) | st.just("long title " * 40))
    return Document(
        "file:///home/x/a%20b/c.md",
        title,
        text,
        "text/plain",
        tuple(blocks),
        draw(st.sampled_from([(), pages])),
    )


SHAPES = st.builds(
    Shape,
    max_tokens=st.sampled_from([32, 40, 100, 254]),
    target_tokens=st.sampled_from([40, 200]),
    overlap=st.sampled_from([0, 0, 1, 20]),
    context=st.booleans(),
    file_path=st.booleans(),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(document=documents(), shape=SHAPES)
@example(Document("u", "", "x" * 3000 + " y.\n\n" + sentences(200), "m"), Shape(40, 40, overlap=20))
def test_what_holds_for_every_document(
    make: Callable[[Tokenizer, Shape], Chunker], tokenizer: Tokenizer, document: Document, shape: Shape
) -> None:
    check(document, make(tokenizer, shape).chunk(document), tokenizer, shape)


def test_blank_text_has_no_chunks(make: Callable[[Tokenizer, Shape], Chunker], wordpiece: Tokenizer) -> None:
    assert make(wordpiece, Shape(254)).chunk(Document("u", "t", " \n\t\n ", "m")) == []


def test_a_long_text_comes_in_chunks_near_the_target(
    make: Callable[[Tokenizer, Shape], Chunker], whitespace: Tokenizer
) -> None:
    document = Document("u", "", "\n\n".join(sentences(9) for _ in range(40)), "m")
    sizes = [chunk.tokens for chunk in make(whitespace, Shape(8192, 200)).chunk(document)]
    assert max(sizes) <= 250
    assert sum(sizes) / len(sizes) >= 50


def test_overlap_repeats_whole_sentences_of_the_chunk_before(
    make: Callable[[Tokenizer, Shape], Chunker], whitespace: Tokenizer
) -> None:
    document = Document("u", "", sentences(200), "m")
    chunks = make(whitespace, Shape(254, 200, overlap=45)).chunk(document)
    repeated = [document.text[right.start : left.end] for left, right in pairwise(chunks)]
    assert len(repeated) > 5
    for text in repeated:
        assert text.startswith("Sentence")
        assert 20 < len(text.split()) <= 45


def test_a_part_of_a_monstrous_word_is_not_repeated_beyond_the_overlap(
    make: Callable[[Tokenizer, Shape], Chunker], wordpiece: Tokenizer
) -> None:
    """To WordPiece a word of more than 100 characters is one token; a part of it is many."""
    shape = Shape(100, 40, overlap=20, context=False)
    for zeros in (101, 130, 187, 260):
        document = Document("u", "", "0 0:0:" + "0" * zeros, "m")
        check(document, make(wordpiece, shape).chunk(document), wordpiece, shape)


def test_overlap_stops_at_a_heading(
    make: Callable[[Tokenizer, Shape], Chunker], whitespace: Tokenizer
) -> None:
    text = sentences(19) + "\n\nSecond\n\n" + sentences(20)
    at = text.index("Second")
    document = Document("u", "", text, "m", (Block("heading", at, at + 6, 1),))
    chunks = make(whitespace, Shape(254, 200, overlap=50)).chunk(document)
    for left, right in pairwise(chunks):
        if not document.text[left.end : at].strip():
            assert right.start >= at


def test_the_context_tells_where_a_chunk_stands(
    make: Callable[[Tokenizer, Shape], Chunker], whitespace: Tokenizer
) -> None:
    text = "First\n\n" + sentences(60) + "\n\nSecond\n\n" + sentences(60)
    at = text.index("Second")
    blocks = (Block("heading", 0, 5, 1), Block("heading", at, at + 6, 1))
    document = Document("file:///srv/house/rules/a%20guide.md", "Guide", text, "m", blocks)
    for chunk in make(whitespace, Shape(254, file_path=True)).chunk(document):
        inside = chunk.start > at or (chunk.start > 0 and chunk.end <= at)
        heading = ("Second" if chunk.start > at else "First") if inside else ""
        assert chunk.context == " > ".join(filter(None, ["house/rules/a guide.md", "Guide", heading]))
