from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragent.corpus.topics.clustering import choose_count, cluster, silhouette
from ragent.corpus.topics.plotting import write_map
from ragent.corpus.topics.topics import find_topics
from ragent.corpus.topics.words import coherence, telling_words, words_of
from ragent.errors import ConfigError
from ragent.protocols import Vectors
from ragent.store import Collection, Store
from tests.making import FINGERPRINT, new_document

KINDS = {
    "ships": "ferry mast harbour anchor deck sailor",
    "kitchen": "butter oven flour sugar whisk pastry",
    "garden": "roses spade compost seedling hedge tulip",
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Eight passages on each of three things, in a document each."""
    random = np.random.default_rng(1)
    with Store.open(tmp_path / "home") as opened:
        collection = opened.ensure_collection("default", FINGERPRINT)
        for kind, words in KINDS.items():
            paragraphs = [
                f"the {' '.join(random.permutation(words.split())[:5])} of {number}" for number in range(8)
            ]
            opened.write(collection, [new_document(f"file:///x/{kind}.txt", paragraphs, title=kind)])
        yield opened


def collection_of(store: Store) -> Collection:
    return store.require_collection("default")


def blobs(count: int, each: int = 20) -> Vectors:
    random = np.random.default_rng(3)
    centres = np.repeat(np.eye(8, dtype=np.float32)[:count], each, axis=0)
    vectors = centres + random.normal(0, 0.05, (count * each, 8)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("count", [2, 3, 5, 8])
def test_the_right_number_of_groups_is_found(count: int) -> None:
    chosen = choose_count(blobs(count))
    assert chosen == min((2, 3, 4, 5, 6, 8, 10), key=lambda one: abs(one - count))


def test_groups_are_the_same_every_time_and_the_largest_comes_first() -> None:
    vectors = np.concatenate([blobs(3, 10), blobs(1, 30)])
    first, second = cluster(vectors, 3), cluster(vectors, 3)
    np.testing.assert_array_equal(first.groups, second.groups)
    sizes = np.bincount(first.groups)
    assert sizes.tolist() == [40, 10, 10]
    np.testing.assert_allclose(np.linalg.norm(first.centres, axis=1), 1, rtol=1e-5)


def test_more_groups_than_vectors_are_as_many_as_vectors() -> None:
    assert len(set(cluster(np.eye(3, 8, dtype=np.float32), 10).groups.tolist())) == 3


def test_the_silhouette_of_four_points_by_hand() -> None:
    angles = np.radians([0, 60, 90, 90])
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    c30, c60 = 1 - math.cos(math.radians(30)), 0.5
    own = [c60, c60, 0.0, 0.0]
    other = [1.0, c30, (1.0 + c30) / 2, (1.0 + c30) / 2]
    expected = np.mean([(b - a) / max(a, b) for a, b in zip(own, other, strict=True)])
    found = silhouette(points, np.array([0, 0, 1, 1]), np.arange(4))
    assert found == pytest.approx(expected, abs=1e-6)


def test_words_that_tell_a_group_from_others() -> None:
    texts = [words_of(text) for text in ("the tide table", "tide and berth", "cake table", "cake and cream")]
    told = telling_words(texts, [0, 0, 1, 1], 2)
    assert [words[0] for words in told] == ["tide", "cake"]


def test_coherence_by_hand() -> None:
    texts = [["a", "b"], ["a", "b"], ["c"], ["d"]]
    assert coherence(["a", "b"], texts) == pytest.approx(1)
    assert coherence(["a", "c"], texts) == -1
    mixed = coherence(["a", "b"], [["a", "b"], ["a"], ["b"], []])
    assert mixed == pytest.approx(math.log(0.25 / 0.25) / -math.log(0.25))


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcdef"), max_size=6), max_size=12))
def test_coherence_lies_between_its_bounds(texts: list[list[str]]) -> None:
    assert -1 <= coherence("abcd", texts) <= 1 + 1e-9


def test_topics_of_a_collection(store: Store) -> None:
    found = find_topics(store, collection_of(store), 3)
    assert [topic.chunks for topic in found.topics] == [8, 8, 8]
    for topic in found.topics:
        kind = topic.examples[0].title
        assert set(topic.words[:6]) == set(KINDS[kind].split())
        text = store.document_text(store.find_documents(topic.examples[0].uri)[0][0]) or ""
        assert text[topic.examples[0].start : topic.examples[0].end] == topic.examples[0].text
    assert len({(one.document_id, one.topic) for one in found.placed}) == 3
    assert find_topics(store, collection_of(store), 3) == found


def test_the_count_is_chosen_and_checked(store: Store) -> None:
    assert 2 <= len(find_topics(store, collection_of(store)).topics) <= 6
    with pytest.raises(ConfigError, match="at least one"):
        find_topics(store, collection_of(store), 0)


def test_the_map_shows_every_passage(store: Store, tmp_path: Path) -> None:
    found = find_topics(store, collection_of(store), 3)
    write_map(found, {1: 'a <b> & "c"'}, tmp_path / "map.svg")
    picture = ElementTree.parse(tmp_path / "map.svg").getroot()
    space = "{http://www.w3.org/2000/svg}"
    titles = [title.text or "" for title in picture.iter(f"{space}title")]
    assert len(titles) == 24
    assert titles.count('a <b> & "c"') == 8
    for point in picture.iter(f"{space}circle"):
        assert 0 <= float(point.attrib["cx"]) <= 1050
    write_map(found, {}, tmp_path / "map.html")
    assert "<svg" in (tmp_path / "map.html").read_text()
    with pytest.raises(ConfigError, match=r"format of map\.png"):
        write_map(found, {}, tmp_path / "map.png")
