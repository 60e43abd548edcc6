from __future__ import annotations

import pytest

from ragent.config import IndexSettings
from ragent.index.choosing import choose

AUTO = IndexSettings()


def test_more_vectors_need_other_kinds() -> None:
    kinds = [choose(AUTO, count).kind for count in (0, 100, 20_000, 150_000, 500_000)]
    assert kinds == ["flat", "flat", "flat", "rabitq", "ivf"]


def test_says_why() -> None:
    assert "150,000 vectors" in choose(AUTO, 150_000).reason
    assert choose(IndexSettings(kind="lsh"), 5).reason == "set by [index] kind"


@pytest.mark.parametrize("kind", ["flat", "hnsw", "hnsw_sq", "lsh", "rabitq", "ivf"])
@pytest.mark.parametrize("count", [0, 10_000_000])
def test_what_is_set_is_taken(kind: str, count: int) -> None:
    assert choose(IndexSettings.model_validate({"kind": kind}), count, "flat").kind == kind


def test_does_not_flip_flop() -> None:
    """Around each bound the kind changes once on the way up, once on the way down, and later then."""
    counts = [round(1000 * 1.02**step) for step in range(500)]
    assert changes(counts) == ["flat", "rabitq", "ivf"]
    assert changes(counts[::-1]) == ["ivf", "rabitq", "flat"]
    for count in counts:
        kind = choose(AUTO, count).kind
        assert {choose(AUTO, round(count * factor), kind).kind for factor in (0.85, 1, 1.15)} == {kind}


def changes(counts: list[int]) -> list[str]:
    kinds: list[str] = []
    for count in counts:
        kind = choose(AUTO, count, kinds[-1] if kinds else None).kind
        if not kinds or kind != kinds[-1]:
            kinds.append(kind)
    return kinds


def test_another_setting_gives_way_to_auto() -> None:
    assert choose(AUTO, 1000, "hnsw").kind == "flat"
