from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ragent import registry
from ragent.config import RerankSettings
from ragent.errors import ConfigError, ModelNotFound, RerankError
from tests.retrieval.rerank.making import check_order, context, make_hits

if TYPE_CHECKING:  # brings torch, which every worker would load to collect tests
    from ragent.retrieval.rerank.cross_encoder import CrossEncoderReranker


@pytest.fixture(scope="session")
def reranker(cross_encoder_folder: Path) -> CrossEncoderReranker:
    from ragent.retrieval.rerank.cross_encoder import CrossEncoderReranker

    return CrossEncoderReranker(cross_encoder_folder)


def test_scores_are_those_of_the_library(reranker: CrossEncoderReranker, cross_encoder_folder: Path) -> None:
    from sentence_transformers import CrossEncoder

    texts = ["cat", "dog ran", "a bee", "zebra fox"]
    expected = CrossEncoder(str(cross_encoder_folder)).predict([("fox", text) for text in texts])
    hits = make_hits(texts)
    found = reranker.rerank("fox", hits)
    check_order(hits, found)
    assert len({round(float(score), 4) for score in expected}) == len(texts)
    assert [hit.chunk_id - 1 for hit in found] == np.argsort(-expected).tolist()
    assert found[0].score == pytest.approx(float(max(expected)), abs=1e-5)


def test_a_long_passage_counts_by_its_best_window(reranker: CrossEncoderReranker) -> None:
    # 24 tokens: three around, three of the query, eighteen of the passage.
    first, second = "a b c d e f g h i j k l m n o p q r", "z y x"
    alone = {hit.text: hit.score for hit in reranker.rerank("fox", make_hits([first, second]))}
    (whole,) = reranker.rerank("fox", make_hits([f"{first} {second}"]))
    assert whole.score == pytest.approx(max(alone.values()), abs=1e-5)


def test_a_query_that_leaves_no_room_is_an_error(reranker: CrossEncoderReranker) -> None:
    with pytest.raises(RerankError, match="fills"):
        reranker.rerank("a b c d e f g h i j k l m n o", make_hits(["cat"]))


def test_steps_end_where_rerank_does(reranker: CrossEncoderReranker) -> None:
    hits = make_hits([letter * 3 for letter in "abcdefghijklmnopqrst"])
    steps = list(reranker.steps("fox", hits))
    assert len(steps) == 3
    assert [hit.chunk_id for hit in steps[0]] == list(range(1, 21))
    assert steps[-1] == reranker.rerank("fox", hits)
    assert reranker.rerank("fox", []) == ()


def test_opened_by_the_settings_and_without_any_download(cross_encoder_folder: Path) -> None:
    open_cross_encoder = registry.load("ragent.rerankers", "cross-encoder")
    settings = RerankSettings(cross_encoder=str(cross_encoder_folder))
    assert open_cross_encoder(context(rerank=settings)).rerank("fox", make_hits(["cat"]))
    with pytest.raises(ConfigError, match="no cross-encoder is named"):
        open_cross_encoder(context())
    with pytest.raises(ModelNotFound, match="hub cache") as caught:
        open_cross_encoder(context(rerank=RerankSettings(cross_encoder="nobody/never-there")))
    assert "hf download nobody/never-there" in caught.value.hint


def test_a_folder_without_a_model_is_a_mistake_in_the_settings(tmp_path: Path) -> None:
    from ragent.retrieval.rerank.cross_encoder import CrossEncoderReranker

    with pytest.raises(ConfigError, match="can't load"):
        CrossEncoderReranker(tmp_path)
