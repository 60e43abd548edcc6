from __future__ import annotations

from ragent.retrieval import best_of_each_document
from ragent.types import Hit


def hit(rank: int, document: int, score: float) -> Hit:
    return Hit(rank, score, 10 * document + rank, document, f"d{document}", "", None, 0, 1, "x", "", {})


def test_a_document_is_as_good_as_its_best_chunk() -> None:
    hits = [hit(1, 7, 0.9), hit(2, 3, 0.8), hit(3, 7, 0.7), hit(4, 3, 0.6), hit(5, 1, 0.5)]
    best = best_of_each_document(reversed(hits))
    assert [(found.rank, found.document_id, found.score) for found in best] == [
        (1, 7, 0.9),
        (2, 3, 0.8),
        (3, 1, 0.5),
    ]
    assert best_of_each_document([]) == []
