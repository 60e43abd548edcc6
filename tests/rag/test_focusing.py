from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ragent.rag.citing import Sources
from ragent.rag.focusing import focus, whole
from ragent.types import Hit
from tests.making import HashedWords, WordTokenizer

WORDS = st.sampled_from(["crane", "tide", "ferry", "pilot", "buoy", "lamp", "rope", "quay"])
SENTENCE = st.lists(WORDS, min_size=1, max_size=8).map(lambda words: " ".join(words).capitalize() + ".")
TEXT = st.lists(SENTENCE, min_size=1, max_size=5).map(" ".join)


def hit(rank: int, text: str) -> Hit:
    return Hit(rank, 1.0, rank, rank, f"file:///{rank}", "", None, 0, len(text), text, "", {})


@given(st.lists(TEXT, min_size=1, max_size=4), st.integers(1, 60))
def test_excerpts_keep_to_the_budget_and_lose_nothing_unnoticed(texts: list[str], budget: int) -> None:
    hits = [hit(rank, text) for rank, text in enumerate(texts, start=1)]
    sources = Sources("Where is the crane on the quay?", hits, HashedWords())
    excerpts = focus(sources, hits, WordTokenizer(), budget)
    assert [excerpt.hit for excerpt in excerpts] == hits
    assert any(excerpt.text for excerpt in excerpts)
    kept = [excerpt.text.replace(" … ", " ").split() for excerpt in excerpts]
    longest = max(len(quote.text.split()) for quote in sources.sentences)
    assert sum(map(len, kept)) <= max(budget, longest)
    for excerpt, words in zip(excerpts, kept, strict=True):
        assert sorted(words + excerpt.left_out.split()) == sorted(excerpt.hit.text.split())


def test_a_large_budget_leaves_passages_whole() -> None:
    hits = [hit(1, "The crane lifts. The tide\nfalls."), hit(2, "The lamp burns.")]
    focused = focus(Sources("crane", hits, HashedWords()), hits, WordTokenizer(), 1000)
    assert focused == whole(hits)


def test_what_fits_the_question_stays() -> None:
    hits = [hit(1, "The lamp burns all night. The crane lifts forty tonnes. Ropes are green.")]
    (excerpt,) = focus(Sources("What does the crane lift?", hits, HashedWords()), hits, WordTokenizer(), 5)
    assert excerpt.text == "The crane lifts forty tonnes."
    assert excerpt.left_out == "The lamp burns all night.\nRopes are green."
