from __future__ import annotations

import logging
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ragent.config import LLMSettings
from ragent.llm.gguf import read_header
from ragent.llm.llamacpp import open_llamacpp
from ragent.llm.models import DEFAULT_MODEL, resolve_model
from ragent.llm.weights import choose_weights, converted
from ragent.types import Message, Sampling


@pytest.fixture(scope="module")
def model() -> Path:
    return resolve_model(DEFAULT_MODEL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("weights")


def test_a_conversion_is_made_once(model: Path, folder: Path) -> None:
    first = converted(model, "q8_0", folder)
    written = first.stat()
    assert read_header(first).quantization == "Q8_0"
    assert read_header(first).parameters == read_header(model).parameters
    assert converted(model, "q8_0", folder) == first
    assert (first.stat().st_ino, first.stat().st_mtime) == (written.st_ino, written.st_mtime)
    assert [path.name for path in folder.iterdir()] == [first.name]


def test_a_damaged_one_is_made_again(model: Path, folder: Path) -> None:
    path = converted(model, "q8_0", folder)
    size = path.stat().st_size
    os.truncate(path, size // 2)
    assert converted(model, "q8_0", folder).stat().st_size == size


def test_a_changed_model_is_converted_anew(model: Path, folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / model.name
    copy.write_bytes(model.read_bytes())
    assert converted(copy, "q8_0", folder) != converted(model, "q8_0", folder)


def test_without_a_place_the_file_is_used_as_it_is(
    model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    with caplog.at_level(logging.WARNING, "ragent.llm"):
        assert converted(model, "q8_0", tmp_path / "file") == model
    assert "is used as it is" in caplog.text


def test_what_a_killed_process_left_and_what_nobody_uses_is_removed(model: Path, tmp_path: Path) -> None:
    now = time.time()
    for name, days in {"dead.new": 2, "busy.new": 0, "old.gguf": 90, "used.gguf": 30}.items():
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (now - days * 86400,) * 2)
    kept = converted(model, "q8_0", tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"busy.new", "used.gguf", kept.name}


def test_only_what_is_slow_on_a_cpu_is_converted_by_itself(model: Path) -> None:
    header = read_header(model)
    assert choose_weights(LLMSettings(), header) == "q8_0"
    assert choose_weights(LLMSettings(n_gpu_layers=-1), header) == "file"
    assert choose_weights(LLMSettings(weights="bf16"), header) == "bf16"
    assert choose_weights(LLMSettings(), replace(header, metadata={"general.file_type": 15})) == "file"
    assert choose_weights(LLMSettings(), replace(header, parameters=10**14)) == "file"


@pytest.mark.parametrize("form", ["file", "q8_0", "f16", "bf16"])
def test_the_model_answers_in_every_form(form: str, tmp_path: Path) -> None:
    engine = open_llamacpp(LLMSettings(weights=form, n_ctx=512), tmp_path / "models")  # type: ignore[arg-type]
    question = [Message("user", "The ferry costs four euros. What does the ferry cost?")]
    text = "".join(delta.text for delta in engine.stream(question, Sampling(max_tokens=16)))
    engine.close()
    assert "four euros" in text
