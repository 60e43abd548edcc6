"""Where each chunker parts a text."""

from __future__ import annotations

import pickle
from itertools import pairwise

import numpy as np
import pytest

from ragent.chunking import (
    CodeChunker,
    FixedChunker,
    RecursiveChunker,
    SemanticChunker,
    SentenceChunker,
    Shape,
    StructureChunker,
    make_chunker,
)
from ragent.chunking.semantic import distances
from ragent.config import ChunkingSettings, EmbedderSettings, load_settings
from ragent.embedding import open_embedder
from ragent.errors import ConfigError
from ragent.protocols import Tokenizer
from ragent.types import Block, Document
from tests.chunking.checking import sentences
from tests.making import HashedWords


def plain(text: str) -> Document:
    return Document("file:///d", "", text, "text/plain")


def code(*parts: tuple[str, str]) -> Document:
    """(label, source) of each function."""
    text, blocks = "", []
    for label, source in parts:
        text += "\n\n" if text else ""
        blocks.append(Block("code", len(text), len(text) + len(source), 0, label))
        text += source
    return Document("file:///d.py", "", text, "text/x-python", tuple(blocks))


def function(name: str, lines: int, indent: str = "") -> str:
    return "\n".join([f"{indent}def {name}():", *(f"{indent}    do the thing {n}" for n in range(lines))])


def test_fixed_chunks_have_as_many_tokens_as_asked_for(whitespace: Tokenizer) -> None:
    chunks = FixedChunker(whitespace, Shape(254, 40)).chunk(plain("\n".join(["one two three"] * 50)))
    assert [chunk.tokens for chunk in chunks] == [40, 40, 40, 30]


def test_fixed_chunks_never_end_inside_a_word(wordpiece: Tokenizer) -> None:
    text = " ".join(["incomprehensibilities"] * 100)
    for chunk in FixedChunker(wordpiece, Shape(254, 20)).chunk(plain(text)):
        assert set(chunk.text.split()) == {"incomprehensibilities"}


def test_sentences_stay_whole_and_fill_the_chunk(whitespace: Tokenizer) -> None:
    text = "\n\n".join(sentences(3) for _ in range(10))
    chunks = SentenceChunker(whitespace, Shape(254, 75)).chunk(plain(text))
    assert [chunk.tokens for chunk in chunks] == [70, 70, 70, 70, 20]
    assert all(chunk.text.endswith("end.") for chunk in chunks)


def test_recursion_keeps_paragraphs_whole_and_parts_the_long_ones_further(whitespace: Tokenizer) -> None:
    short, long = "one two three", sentences(12)
    chunks = RecursiveChunker(whitespace, Shape(254, 50)).chunk(
        plain("\n\n".join([short, short, long, short]))
    )
    texts = [chunk.text for chunk in chunks]
    assert texts[0] == f"{short}\n\n{short}"
    assert " ".join(texts[1:-1]) == long
    assert all(text.startswith("Sentence") and text.endswith("end.") for text in texts[1:-1])
    assert texts[-1] == short


def test_a_function_is_a_chunk(whitespace: Tokenizer) -> None:
    functions = [function(name, 20) for name in ("first", "second", "third")]
    document = code(*zip(("first", "second", "third"), functions, strict=True))
    assert [c.text for c in CodeChunker(whitespace, Shape(254, 200)).chunk(document)] == functions


def test_small_functions_of_one_class_join(whitespace: Tokenizer) -> None:
    parts = [("Ledger", "class Ledger:"), ("Ledger.a", function("a", 3)), ("Ledger.b", function("b", 3))]
    document = code(*parts, ("Other.c", function("c", 3)), ("Other.d", function("d", 30)))
    chunks = CodeChunker(whitespace, Shape(254, 200)).chunk(document)
    assert [chunk.context for chunk in chunks] == ["Ledger–Ledger.b", "Other.c–Other.d"]


def test_a_long_function_is_parted_between_its_outermost_statements(whitespace: Tokenizer) -> None:
    loop = "    for x in y:\n" + "\n".join(f"        a b c {n}" for n in range(9)) + "\n    }"
    text = "def f():\n" + "\n".join([loop] * 6)
    chunks = CodeChunker(whitespace, Shape(254, 100)).chunk(code(("f", text)))
    assert [chunk.text.count("for x in y:") for chunk in chunks] == [2, 2, 2]
    assert chunks[0].text.startswith("def f():\n    for")
    assert all(chunk.text.startswith("for x") for chunk in chunks[1:])
    assert all(chunk.text.endswith("}") for chunk in chunks)


def test_the_rest_of_a_long_function_joins_no_other(whitespace: Tokenizer) -> None:
    document = code(("f", function("f", 53)), ("g", function("g", 3)))
    chunks = CodeChunker(whitespace, Shape(254, 200)).chunk(document)
    assert [chunk.context for chunk in chunks] == ["f", "f", "g"]


def test_meaning_parts_where_the_subject_changes() -> None:
    ships = [
        f"The ships {verb} into the harbour at dawn." for verb in ("sail", "drift", "steam", "come", "go")
    ]
    bread = [
        f"Our bread {verb} slowly within an oven." for verb in ("bakes", "browns", "rises", "sits", "waits")
    ]
    chunker = SemanticChunker(HashedWords(), Shape(64, 50), percentile=95)
    texts = [chunk.text for chunk in chunker.chunk(plain(" ".join(ships + bread)))]
    assert texts == [" ".join(ships), " ".join(bread)]


def test_meaning_parts_what_is_over_the_target_anyway() -> None:
    chunks = SemanticChunker(HashedWords(), Shape(64, 50), percentile=100).chunk(plain(sentences(60)))
    assert max(chunk.tokens for chunk in chunks) <= 50
    assert min(chunk.tokens for chunk in chunks) >= 12


def test_distances_compare_both_sides_of_a_seam() -> None:
    vectors = np.array([[1, 0]] * 3 + [[0, 1]] * 3, np.float32)
    assert np.argmax(distances(vectors)) == 2
    assert distances(vectors)[2] == pytest.approx(1.0)
    assert distances(vectors[:1]).shape == (0,)


def test_an_impossible_percentile_is_refused() -> None:
    with pytest.raises(ConfigError, match="percentile is 101"):
        SemanticChunker(HashedWords(), Shape(64), percentile=101)


@pytest.mark.parametrize(
    ("method", "kind"),
    [
        ("structure", StructureChunker),
        ("recursive", RecursiveChunker),
        ("sentences", SentenceChunker),
        ("fixed", FixedChunker),
        ("code", CodeChunker),
        ("semantic", SemanticChunker),
    ],
)
def test_the_settings_choose_the_chunker(method: str, kind: type) -> None:
    settings = load_settings(chunking={"method": method, "target_tokens": 20, "overlap": 5}).chunking
    chunker = make_chunker(settings, HashedWords())
    assert type(chunker) is kind
    chunks = chunker.chunk(plain(sentences(30)))
    assert max(chunk.tokens for chunk in chunks) <= 25
    assert any(right.start < left.end for left, right in pairwise(chunks))


def test_the_limit_is_the_embedders_own_unless_a_smaller_one_is_set() -> None:
    def longest(max_tokens: int) -> int:
        settings = ChunkingSettings(target_tokens=500, max_tokens=max_tokens)
        return max(c.tokens for c in make_chunker(settings, HashedWords()).chunk(plain(sentences(90))))

    assert 40 < longest(1000) == longest(0) <= 64
    assert 25 < longest(40) <= 40


def test_an_overlap_of_more_than_half_is_refused() -> None:
    with pytest.raises(ConfigError, match="overlap is 101"):
        make_chunker(ChunkingSettings(overlap=101), HashedWords())


def test_meaning_can_be_asked_for_in_another_process() -> None:
    embedder = open_embedder(EmbedderSettings())
    chunker = make_chunker(ChunkingSettings(method="semantic", target_tokens=40), embedder)
    document = plain(sentences(30))
    chunks = chunker.chunk(document)
    assert pickle.loads(pickle.dumps(chunker)).chunk(document) == chunks
