from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from ragent.llm.control_vectors import read_control_vector
from tests.cli.conftest import Ragent

PAIRS = [
    {
        "positive": f"Talk about {topic} as one who loves it.",
        "negative": f"Talk about {topic} as one who hates it.",
    }
    for topic in ("the town", "your work")
]


def test_perplexity_of_files(ragent: Ragent, tmp_path: Path) -> None:
    (tmp_path / "sense.txt").write_text("The ferry to the island costs four euros.", "utf-8")
    (tmp_path / "nonsense.txt").write_text("Euros four costs island the to ferry the.", "utf-8")
    sense, nonsense = ragent("models", "perplexity", "sense.txt", "nonsense.txt", "--json").json
    assert sense["value"] < nonsense["value"]
    assert sense["value"] == pytest.approx(math.exp(sense["nll"]))
    assert (sense["file"], sense["tokens"] > 5) == ("sense.txt", True)
    assert "tokens" in ragent("models", "perplexity", "sense.txt").out


def test_a_text_without_perplexity(ragent: Ragent, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("", "utf-8")
    ran = ragent("models", "perplexity", "empty.txt", "--json")
    assert (ran.code, ran.json["error"]["type"]) == (2, "ConfigError")
    assert "empty.txt" in ran.err
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\x00")
    assert "UTF-8" in ragent("models", "perplexity", "bytes.txt").err
    assert ragent("models", "perplexity", "absent.txt").code == 2


def test_a_control_vector_is_trained_and_used(ragent: Ragent, tmp_path: Path) -> None:
    (tmp_path / "pairs.jsonl").write_text("\n\n".join(map(json.dumps, PAIRS)), "utf-8")
    ran = ragent("models", "steer", "pairs.jsonl", "--out", "joy.gguf", "--json")
    assert ran.code == 0, ran.err
    assert (ran.json["pairs"], ran.json["layers"], ran.json["file"]) == (2, 29, "joy.gguf")
    assert len(read_control_vector(tmp_path / "joy.gguf").directions) == 29
    (tmp_path / "ragent.toml").write_text('[llm]\ncontrol_vectors = {"joy.gguf" = 4}\n', "utf-8")
    (tmp_path / "text.txt").write_text("I hate this terrible, sad and gloomy place.", "utf-8")
    (steered,) = ragent("models", "perplexity", "text.txt", "--json").json
    (tmp_path / "ragent.toml").unlink()
    (plain,) = ragent("models", "perplexity", "text.txt", "--json").json
    assert steered["nll"] != plain["nll"]


@pytest.mark.parametrize(
    "line",
    ["{", "[]", '{"positive": "x"}', '{"positive": "x", "negative": 3}', '{"positive": "", "negative": "x"}'],
)
def test_pairs_that_are_none(ragent: Ragent, tmp_path: Path, line: str) -> None:
    (tmp_path / "pairs.jsonl").write_text(f"{json.dumps(PAIRS[0])}\n{line}\n", "utf-8")
    ran = ragent("models", "steer", "pairs.jsonl", "--out", "x.gguf")
    assert ran.code == 2
    assert "pairs.jsonl, line 2" in ran.err


def test_a_server_cannot_be_looked_into(ragent: Ragent, tmp_path: Path) -> None:
    (tmp_path / "ragent.toml").write_text('[llm]\nurl = "http://127.0.0.1:9/v1"\n', "utf-8")
    (tmp_path / "text.txt").write_text("The ferry costs four euros.", "utf-8")
    assert "runs here" in ragent("models", "perplexity", "text.txt").err
