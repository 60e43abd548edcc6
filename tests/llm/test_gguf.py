from __future__ import annotations

import struct
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragent.errors import LLMError, ModelNotFound
from ragent.llm.gguf import read_header
from ragent.llm.models import DEFAULT_MODEL, resolve_model


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def pair(key: str, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


METADATA = [
    pair("general.architecture", 8, text("llama")),
    pair("general.file_type", 4, struct.pack("<I", 7)),
    pair("llama.context_length", 4, struct.pack("<I", 4096)),
    pair("tokenizer.ggml.tokens", 9, struct.pack("<IQ", 8, 3) + text("a") + text("b") + text("")),
    pair("tokenizer.ggml.scores", 9, struct.pack("<IQ", 6, 2) + b"\0" * 8),
    pair("general.license", 8, text("mit")),
]


def gguf(metadata: list[bytes] = METADATA, *, tensors: int = 1, data: int = 64 * 4 // 32 * 34) -> bytes:
    """A model of one Q8_0 tensor with 64 x 4 weights, and the data it needs."""
    head = b"GGUF" + struct.pack("<IQQ", 3, tensors, len(metadata)) + b"".join(metadata)
    if tensors:
        head += text("weights") + struct.pack("<IQQIQ", 2, 64, 4, 8, 0)
    return head + b"\0" * (-len(head) % 32) + b"\0" * data


def write(folder: Path, data: bytes) -> Path:
    path = folder / "model.gguf"
    path.write_bytes(data)
    return path


def test_reads_what_the_file_says_of_itself(tmp_path: Path) -> None:
    header = read_header(write(tmp_path, gguf()))
    assert (header.quantization, header.context_tokens, header.parameters) == ("Q8_0", 4096, 256)
    assert header.text("general.license") == "mit"
    assert "tokenizer.ggml.tokens" not in header.metadata


def test_reads_the_bundled_model() -> None:
    header = read_header(resolve_model(DEFAULT_MODEL))
    assert (header.quantization, header.context_tokens, header.parameters) == ("Q4_1", 8192, 134_515_008)
    # 30 blocks, 3 key-value heads of 64 keys and 64 values, two bytes each.
    assert header.cache_bytes(10) == 10 * 30 * 3 * (64 + 64) * 2
    assert header.cache_bytes(10, "q8_0") == 10 * 30 * 3 * (64 + 64) * 34 // 32


@pytest.mark.parametrize("cut", [1, 16, 100, 270])
def test_a_truncated_model_is_refused(tmp_path: Path, cut: int) -> None:
    with pytest.raises(LLMError, match="cut short"):
        read_header(write(tmp_path, gguf()[:-cut]))


@given(st.data())
def test_a_damaged_header_is_an_error_or_a_header(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    whole = bytearray(gguf())
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(4, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = write(tmp_path_factory.mktemp("gguf"), bytes(whole))
    with suppress(LLMError):
        assert read_header(path).size_bytes == len(whole)


@pytest.mark.parametrize(
    ("start", "looks"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html>", "web page"),
        (struct.pack("<Q", 90) + b'{"__metadata__":{}}', "safetensors"),
        (b"PK\x03\x04rest", "zip"),
        (b"version https://git-lfs.github.com/spec/v1", "Git LFS"),
        (b"just some notes", "starts with"),
    ],
)
def test_a_file_of_another_kind_is_named(tmp_path: Path, start: bytes, looks: str) -> None:
    with pytest.raises(LLMError, match=r"not a GGUF file") as raised:
        read_header(write(tmp_path, start))
    assert looks in raised.value.message
    assert raised.value.hint


@pytest.mark.parametrize(
    "header",
    [
        b"GGUF" + struct.pack("<IQQ", 3, 2**63, 1),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 2**64 - 1),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 2**62) + b"x" * 100,
        gguf([pair("a", 9, struct.pack("<IQ", 8, 2**60))]),
        gguf([pair("a", 9, struct.pack("<IQ", 9, 2))]),
        gguf([pair("a", 99, b"")]),
        gguf([pair("general.alignment", 4, struct.pack("<I", 0))]),
        b"GGUF" + struct.pack("<IQQ", 1, 0, 0),
    ],
)
def test_hostile_lengths_are_refused(tmp_path: Path, header: bytes) -> None:
    with pytest.raises(LLMError) as raised:
        read_header(write(tmp_path, header))
    assert raised.value.hint


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound):
        read_header(tmp_path / "none.gguf")
    with pytest.raises(LLMError, match="directory"):
        read_header(tmp_path)
