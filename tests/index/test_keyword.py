from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragent.errors import CorruptIndex
from ragent.index.fields import conditions_of
from ragent.index.keyword import KeywordIndex
from ragent.protocols import Ids
from ragent.store import IndexedText
from ragent.words.analysis import prepare

NONE = np.empty(0, dtype=np.int64)
TEXTS = {
    1: ("Refunds", "Refunds > Who approves", "A running manager approves refunds over 500 EUR."),
    2: ("Cats", "", "Cats don't run, but the café's cat sleeps."),
    3: ("", "", "class HybridRetriever reads snake_case names, HTMLParser and iPhone12."),
    4: ("", "", "Managers of cats approve of sleep; approves managers."),
}


def index_of(texts: dict[int, tuple[str, str, str]], folder: Path | None = None) -> KeywordIndex:
    index = KeywordIndex(folder)
    index.update(NONE, [[IndexedText(id_, *text) for id_, text in texts.items()]])
    return index


@pytest.fixture(scope="module")
def index() -> KeywordIndex:
    return index_of(TEXTS)


def found(index: KeywordIndex, query: str) -> list[int]:
    return index.search(query, 10)[0].tolist()


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("runs", {1, 2}),
        ("REFUND", {1}),
        ("cafe", {2}),
        ("sleeping", {2, 4}),
        ("retriever", {3}),
        ("hybridretriever", {3}),
        ("HybridRetriever", {3}),
        ("snake", {3}),
        ("parser", {3}),
        ("phone", {3}),
        ("500", {1}),
        ("unheard-of", set()),
    ],
)
def test_words_meet_whatever_their_form(index: KeywordIndex, query: str, ids: set[int]) -> None:
    assert set(found(index, query)) == ids


@pytest.mark.parametrize("query", ["the of and", "", "   ", "?!", "don't", "what's it"])
def test_stop_words_alone_find_nothing(index: KeywordIndex, query: str) -> None:
    assert found(index, query) == []


def test_stop_words_do_not_change_the_ranking(index: KeywordIndex) -> None:
    plain, wordy = (index.search(query, 5) for query in ("manager refunds", "what is the manager of refunds"))
    np.testing.assert_array_equal(plain[0], wordy[0])
    np.testing.assert_array_equal(plain[1], wordy[1])


def test_a_word_in_the_title_counts_more() -> None:
    index = index_of({1: ("", "", "tax and more words"), 2: ("tax", "", "and other more words")})
    assert found(index, "tax") == [2, 1]


def test_a_quoted_phrase_comes_first(index: KeywordIndex) -> None:
    assert found(index, "approves managers")[0] == found(index, '"approves managers"')[0] == 4
    (_, loose), (_, exact) = (index.search(query, 1) for query in ("manager approves", '"manager approves"'))
    assert exact[0] > loose[0]
    assert found(index, '"manager approves"')[0] == 1


@pytest.mark.parametrize(
    "query",
    [
        "refunds AND (",
        "title: refunds",
        'refunds" OR "',
        "refunds^9 ~2 *",
        "[refunds TO *}",
        "-refunds",
        "\\refunds",
    ],
)
def test_query_syntax_means_nothing(index: KeywordIndex, query: str) -> None:
    assert found(index, query) == [1]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_no_text_is_an_error(query: str) -> None:
    ids, scores = _SHARED.search(query, 3)
    assert len(ids) == len(scores) <= 3
    np.testing.assert_allclose(_SHARED.score(query, ids), scores, rtol=1e-5)


_SHARED = index_of(TEXTS)


def test_scores_of_given_ids(index: KeywordIndex) -> None:
    ids, scores = index.search("managers run", 10)
    assert len(ids) == 3
    some: Ids = np.array([3, *ids.tolist()[::-1], 99])
    assert index.score("managers run", some).tolist() == [0.0, *scores.tolist()[::-1], 0.0]
    assert index.score("the", some).tolist() == [0.0] * 5
    assert index.score("managers", NONE).tolist() == []


@given(
    st.lists(st.sampled_from(["manager", "cats", "sleep", '"managers approve"', "zebra", "the"]), max_size=6)
)
def test_no_score_passes_the_ceiling(words: list[str]) -> None:
    query = " ".join(words)
    _, scores = _SHARED.search(query, 5)
    assert all(score < _SHARED.ceiling(query) for score in scores.tolist())


def test_the_ceiling_is_nearly_reached_by_endless_repetition() -> None:
    index = index_of({1: ("", "", "zebra " * 5000), 2: ("", "", "word " * 5000)})
    _, scores = index.search("zebra", 1)
    assert scores[0] == pytest.approx(index.ceiling("zebra"), rel=1e-2)
    assert index.ceiling("the") == 0


def test_words_of_removed_chunks_have_a_rarity() -> None:
    index = index_of(dict.fromkeys(range(1, 40), ("", "", "equal words")))
    index.update(np.arange(1, 39), [])
    assert index.rarities("equal")["equal"] >= 0
    assert index.ceiling("equal") >= 0


def test_removed_chunks_are_gone() -> None:
    index = index_of(TEXTS)
    index.update(np.array([1, 77]), [])
    assert len(index) == 3
    assert found(index, "refunds") == []


def test_an_update_may_be_repeated(tmp_path: Path) -> None:
    for _ in range(2):
        index = index_of(TEXTS, tmp_path)
        index.update(np.array([2]), [[IndexedText(5, "", "", "a new dog")]])
    assert len(index) == 4 + 1 - 1
    assert found(index, "dog") == [5]


def test_many_in_one_update() -> None:
    index = KeywordIndex(None)
    count = index.update(NONE, ([IndexedText(i, "", "", f"word{i} equal")] for i in range(1, 301)))
    assert count == len(index) == 300
    index.update(np.arange(1, 300), [])
    assert found(index, "equal") == [300]


def test_comes_back_from_its_folder(tmp_path: Path) -> None:
    before = index_of(TEXTS, tmp_path)
    again = KeywordIndex(tmp_path)
    for query in ("managers", "cats sleep"):
        np.testing.assert_array_equal(before.search(query, 5), again.search(query, 5))


def test_a_damaged_folder_is_refused(tmp_path: Path) -> None:
    index_of(TEXTS, tmp_path)
    (tmp_path / "meta.json").write_text("{")
    with pytest.raises(CorruptIndex):
        KeywordIndex(tmp_path)


def test_identifiers_keep_their_whole_beside_their_pieces() -> None:
    assert prepare("use readFile2 now") == "use readFile2 read File 2 now"
    assert prepare("plain Words, CAPITALS, PDFs") == "plain Words, CAPITALS, PDFs"


@pytest.mark.parametrize(("named", "looked_up"), [(1000, 0), (0, 1000), (0, 0)])
@settings(deadline=None)
@given(among=st.sets(st.integers(1, 60)), k=st.integers(1, 20))
def test_a_search_among_some_finds_the_best_of_them(
    named: int, looked_up: int, among: set[int], k: int
) -> None:
    query, ids = "word3 word5 equal7", np.array(sorted(among), dtype=np.int64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ragent.index.keyword._NAMED", named)
        patch.setattr("ragent.index.keyword._LOOKED_UP", looked_up)
        found, scores = _MANY.search(query, k, ids)
        given_scores = _MANY.score(query, ids)
    everything, every_score = _MANY.search(query, 60)
    expected = [i for i in everything.tolist() if i in among][:k]
    assert sorted(found.tolist()) == sorted(expected) or len(found) == len(expected)
    known = dict(zip(everything.tolist(), every_score.tolist(), strict=True))
    np.testing.assert_allclose(scores, [known[i] for i in expected], rtol=1e-5)
    np.testing.assert_allclose(given_scores, [known.get(i, 0.0) for i in ids.tolist()], rtol=1e-5)


_MANY = index_of({i: ("", "", f"word{i % 7} word{i % 11} equal{i % 3} here") for i in range(1, 51)})


def test_what_each_word_adds(index: KeywordIndex) -> None:
    query = '"manager approves" refunds refunds sleep'
    ids = np.array([1, 4])
    added = index.contributions(query, ids)
    assert set(added) == {"manager", "approves", '"manager approves"', "refunds", "sleep"}
    np.testing.assert_allclose(sum(added.values()), index.score(query, ids), rtol=1e-5)
    assert added["sleep"][0] == 0 < added["sleep"][1]


@pytest.mark.parametrize(
    ("query", "left", "ids"),
    [
        ("title:refund who", "refund who", [1]),
        ('heading:"who approves"', "who approves", [1]),
        ('heading:"approves refunds"', "approves refunds", []),
        ("title:cats title:refunds", "cats refunds", []),
        ("title:the", "the", None),
        ("subtitle:cats", "subtitle:cats", None),
        ("title: cats", "title: cats", None),
        ('title:""', 'title:""', None),
    ],
)
def test_conditions_on_fields(index: KeywordIndex, query: str, left: str, ids: list[int] | None) -> None:
    text, conditions = conditions_of(query)
    assert text == left
    found = index.matching(conditions)
    assert (None if found is None else found.tolist()) == ids
