from __future__ import annotations

import pytest

from ragent.corpus.topics.topics import Topic, Topics
from ragent_evals.metrics.topics import purity, topic_coherence


def test_purity_by_hand() -> None:
    found = purity([0, 0, 0, 1, 1], ["a", "a", "b", "b", "b"])
    assert found.value == pytest.approx(0.8)
    assert found.low <= 0.8 <= found.high
    assert purity([0, 1, 2], ["a", "a", "b"]).value == 1


def test_coherence_is_the_mean_over_topics() -> None:
    texts = (("a", "b"), ("a", "b"), ("c",), ("d",))
    topics = tuple(Topic(n, words, 2, 1, ()) for n, words in ((1, ("a", "b")), (2, ("c", "d"))))
    assert topic_coherence(Topics(topics, (), texts)).value == pytest.approx(0)
