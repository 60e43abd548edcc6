from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragent.config import IndexSettings, RetrievalSettings
from ragent.retrieval import HybridRetriever, Reach, expand, open_indexes
from ragent.store import Collection, NewDocument, Store
from ragent.types import Chunk, Document, Hit, Page
from tests.making import FINGERPRINT, HashedWords

Write = Callable[..., None]

WORDS = HashedWords().tokenizer
TEXT = " ".join(f"Sentence {n} has five words." for n in range(40))


def put(store: Store, text: str, pages: tuple[Page, ...] = ()) -> None:
    """A document that is one chunk; the tests cut their hits out of it."""
    collection = store.ensure_collection("default", FINGERPRINT)
    document = Document("file:///d", "d", text, "text/plain", pages=pages)
    chunk = Chunk(0, len(text), text, "", len(text.split()))
    store.write(collection, [NewDocument(document, "1", text, (chunk,), np.ones((1, 16), np.float32))])


def between(store: Store, start: int, end: int, rank: int = 1) -> Hit:
    ((document, uri),) = store.find_documents("file:///d")
    text = (store.document_text(document) or "")[start:end]
    return Hit(rank, 1.0 / rank, rank, document, uri, "d", None, start, end, text, "", {})


def sentence(store: Store, number: int, rank: int = 1) -> Hit:
    start = TEXT.index(f"Sentence {number} ")
    return between(store, start, TEXT.index(".", start) + 1, rank)


def numbers(hit: Hit) -> list[int]:
    assert hit.text.startswith("Sentence")
    assert hit.text.endswith(".")
    return [int(word) for word in hit.text.split() if word.isdigit()]


def test_whole_sentences_on_both_sides_up_to_so_many_tokens(store: Store) -> None:
    put(store, TEXT)
    (found,) = expand(store, [sentence(store, 20)], WORDS, Reach(tokens=27))
    assert numbers(found) == [18, 19, 20, 21, 22]
    assert found.text == TEXT[found.start : found.end]


def test_no_more_sentences_than_asked_for(store: Store) -> None:
    put(store, TEXT)
    (found,) = expand(store, [sentence(store, 20)], WORDS, Reach(tokens=500, sentences=1))
    assert numbers(found) == [19, 20, 21]


def test_what_one_side_lacks_the_other_may_have(store: Store) -> None:
    put(store, TEXT)
    (found,) = expand(store, [sentence(store, 1)], WORDS, Reach(tokens=30))
    assert numbers(found) == [0, 1, 2, 3, 4, 5]


def test_a_passage_that_is_long_enough_stays_as_it_is(store: Store) -> None:
    put(store, TEXT)
    hit = sentence(store, 20)
    assert expand(store, [hit], WORDS, Reach(tokens=5)) == (hit,)


def test_a_sentence_cut_in_two_is_made_whole(store: Store) -> None:
    put(store, TEXT)
    start = TEXT.index("has", TEXT.index("Sentence 20"))
    (found,) = expand(store, [between(store, start, start + 8)], WORDS, Reach(tokens=5))
    assert numbers(found) == [20]


def test_hits_that_overlap_become_one_in_the_place_of_the_better(store: Store) -> None:
    put(store, TEXT)
    hits = [sentence(store, 30), sentence(store, 10, 2), sentence(store, 33, 3), sentence(store, 12, 4)]
    found = expand(store, hits, WORDS, Reach(tokens=500, sentences=2))
    assert [numbers(hit) for hit in found] == [list(range(28, 36)), list(range(8, 15))]
    assert [(hit.rank, hit.chunk_id) for hit in found] == [(1, 1), (2, 2)]


def test_one_hit_may_bridge_two(store: Store) -> None:
    put(store, TEXT)
    hits = [sentence(store, 10), sentence(store, 16, 2), sentence(store, 13, 3)]
    (found,) = expand(store, hits, WORDS, Reach(tokens=500, sentences=2))
    assert numbers(found) == list(range(8, 19))


def test_the_page_is_where_the_wider_passage_starts(store: Store) -> None:
    middle = TEXT.index("Sentence 20")
    put(store, TEXT, (Page(4, 0, middle), Page(5, middle, len(TEXT))))
    hit = replace(sentence(store, 20), page=5)
    assert expand(store, [hit], WORDS, Reach(tokens=5))[0].page == 5
    assert expand(store, [hit], WORDS, Reach(tokens=500, sentences=1))[0].page == 4


def test_a_hit_whose_document_changed_or_went_stays_as_it_is(store: Store) -> None:
    put(store, TEXT)
    hit = sentence(store, 20)
    put(store, "Another text. " + TEXT)
    changed = replace(hit, document_id=store.find_documents("file:///d")[0][0])
    gone = replace(hit, document_id=999, rank=2)
    assert expand(store, [changed, gone], WORDS, Reach(tokens=100)) == (changed, gone)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(
    text=st.text("ab. \n", min_size=1, max_size=400).filter(str.strip),
    cuts=st.lists(st.tuples(st.floats(0, 1), st.integers(1, 60)), min_size=1, max_size=5),
    tokens=st.integers(0, 60),
)
def test_offsets_stay_exact_and_nothing_found_is_lost(
    store: Store, text: str, cuts: list[tuple[float, int]], tokens: int
) -> None:
    put(store, text)
    starts = [int(share * (len(text) - 1)) for share, _ in cuts]
    ends = [min(start + length, len(text)) for start, (_, length) in zip(starts, cuts, strict=True)]
    hits = [between(store, *span, rank) for rank, span in enumerate(zip(starts, ends, strict=True), 1)]
    found = expand(store, hits, WORDS, Reach(tokens))
    assert [hit.rank for hit in found] == list(range(1, len(found) + 1))
    assert all(hit.text == text[hit.start : hit.end] for hit in found)
    for hit in hits:
        assert sum(wide.start <= hit.start and hit.end <= wide.end for wide in found) == 1


def test_search_gives_what_was_found_with_what_stands_around_it(
    store: Store, collection: Collection, write: Write
) -> None:
    write(d="The cranes stand idle.|Ships wait for pilots.|Tugs burn diesel.|Nobody sleeps at night.")
    indexes = open_indexes(store, collection, IndexSettings())

    def search(**settings: int) -> list[str]:
        retriever = HybridRetriever(store, collection, indexes, HashedWords(), RetrievalSettings(**settings))
        return [hit.text for hit in retriever.search("ships wait for pilots", 1).hits]

    assert search() == ["Ships wait for pilots."]
    assert search(expand_tokens=8) == ["The cranes stand idle.\n\nShips wait for pilots."]
    assert search(expand_tokens=100, expand_sentences=1) == [
        "The cranes stand idle.\n\nShips wait for pilots.\n\nTugs burn diesel."
    ]
