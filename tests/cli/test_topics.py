from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Ragent


def test_topics_of_the_sample_documents(harbour: Ragent, tmp_path: Path) -> None:
    ran = harbour("topics", "--count", "4", "--plot", tmp_path / "map.html", "--json")
    assert ran.code == 0, ran.err
    assert len(ran.json["topics"]) == 4
    assert sum(topic["chunks"] for topic in ran.json["topics"]) == len(ran.json["placed"])
    assert any("crane" in topic["words"] for topic in ran.json["topics"])
    assert (tmp_path / "map.html").read_text().count("<circle") == len(ran.json["placed"]) + 4
    shown = harbour("topics", "--count", "4")
    assert "passages of" in shown.out
    assert "crane" in shown.out


def test_topics_are_measured(harbour: Ragent) -> None:
    ran = harbour("eval", "topics", "--count", "4", "--json")
    assert ran.code == 0, ran.err
    npmi = ran.json["metrics"]["npmi"]
    assert -1 <= npmi["low"] <= npmi["value"] <= npmi["high"] <= 1
    assert "purity" not in ran.json["metrics"]
    assert "1 folders" in harbour("eval", "topics", "--count", "4").out
