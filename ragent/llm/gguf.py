"""Reads the header of a GGUF file, and nothing more, without trusting a single length in it.

llama.cpp maps the file and believes it; a truncated download or a hostile header is better met here.
Source: the GGUF specification, versions 2 and 3 (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path
from typing import BinaryIO

from ragent.errors import LLMError, ModelNotFound

Value = int | float | bool | str

_SCALARS = {
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<?",
    10: "<Q",
    11: "<q",
    12: "<d",
}
_STRING, _ARRAY = 8, 9
_LONGEST_TEXT = 1 << 20
_MOST_ENTRIES = 1 << 17
_MOST_DIMENSIONS = 4

# ggml tensor type -> (values a block, bytes a block), from ggml's type traits. Types that are not here
# (a newer llama.cpp may have some) are counted as empty: the check then is weaker, never wrong.
# fmt: off
_BLOCKS = {
    0: (1, 4), 1: (1, 2), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 30: (1, 2),
    2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 40), 20: (32, 18),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292),
    16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 21: (256, 110), 22: (256, 82),
    23: (256, 136), 29: (256, 56), 34: (256, 54), 35: (256, 66), 39: (32, 17),
}

# general.file_type -> the name people know, from llama.cpp's llama_ftype.
_QUANTIZATIONS = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S",
    12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K",
    19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL",
    26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S", 29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16",
    36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4",
}
# fmt: on


@dataclass(frozen=True, slots=True)
class Tensor:
    """Where a tensor's data begin in its file, its ggml type, and its shape: rows last, as ggml counts."""

    kind: int
    shape: tuple[int, ...]
    start: int


@dataclass(frozen=True, slots=True)
class Header:
    """What a GGUF file says of itself.

    `metadata` holds the scalar and text values; arrays (vocabularies) are walked over but not kept.
    `parameters` is the number of weights.
    """

    version: int
    metadata: Mapping[str, Value]
    parameters: int
    size_bytes: int
    tensors: Mapping[str, Tensor] = field(default_factory=dict, repr=False)

    def number(self, key: str) -> int:
        """The value of `ARCHITECTURE.key` as a whole number; 0 where it is absent or of another kind."""
        value = self.metadata.get(f"{self.text('general.architecture')}.{key}")
        return value if isinstance(value, int) else 0

    def text(self, key: str) -> str:
        """The value of `key`; "" where it is absent or not text."""
        value = self.metadata.get(key)
        return value if isinstance(value, str) else ""

    @property
    def context_tokens(self) -> int:
        """The context that the model was trained with."""
        return self.number("context_length")

    @property
    def quantization(self) -> str:
        """`Q4_1`, `F16` and so on, or "unknown"."""
        kind = self.metadata.get("general.file_type")
        return _QUANTIZATIONS.get(kind, "unknown") if isinstance(kind, int) else "unknown"

    def cache_bytes(self, context_tokens: int, kv_type: str = "f16") -> int:
        """Memory of a key-value cache for that many tokens (an upper bound for windowed attention).

        `kv_type` is "f16", "q8_0" or "q4_0".
        """
        heads = self.number("attention.head_count")
        embedding = self.number("embedding_length")
        head = embedding // heads if heads else 0
        key = self.number("attention.key_length") or head
        value = self.number("attention.value_length") or head
        heads_kept = self.number("attention.head_count_kv") or heads
        values = context_tokens * self.number("block_count") * heads_kept * (key + value)
        block, width = _BLOCKS[{"f16": 1, "q8_0": 8, "q4_0": 2}[kv_type]]
        return values * width // block


def _size(tensor: Tensor) -> int:
    values, width = _BLOCKS.get(tensor.kind, (1, 0))
    return -(-prod(tensor.shape) // values) * width


def read_header(path: Path) -> Header:
    """Read and check the header of a model file.

    Raises:
        ModelNotFound: there is no such file.
        LLMError: it can't be read, isn't GGUF, or is cut short; the hint says what it looks like.
    """
    try:
        with path.open("rb") as file:
            return _Reader(file, path, os.fstat(file.fileno()).st_size).header()
    except FileNotFoundError:
        raise ModelNotFound(
            f"there is no model file {path}", hint="`ragent models list` shows those here"
        ) from None
    except OSError as error:
        raise LLMError(
            f"can't read the model file {path}: {error.strerror}", hint="check its permissions"
        ) from None


class _Reader:
    """Reads forward through one file, refusing to go past its end."""

    def __init__(self, file: BinaryIO, path: Path, size: int) -> None:
        self._file = file
        self._path = path
        self._size = size
        self._at = 0

    def header(self) -> Header:
        start = self._file.read(512)
        if start[:4] != b"GGUF":
            raise LLMError(f"{self._path} is not a GGUF file: {_looks_like(start)}", hint=_GET_GGUF)
        self._file.seek(4)
        self._at = 4
        version = self._number("<I")
        if version not in (2, 3):
            raise LLMError(
                f"{self._path} is GGUF version {version}, which is not supported (2 and 3 are)",
                hint="convert the model again with a current llama.cpp",
            )
        tensors, pairs = self._number("<Q"), self._number("<Q")
        if max(tensors, pairs) > _MOST_ENTRIES:
            raise self._damaged(f"it announces {tensors} tensors and {pairs} metadata pairs")
        self._refuse_unless(tensors * 24 + pairs * 13)
        metadata = {}
        for _ in range(pairs):
            key = self._text()
            value = self._value(self._number("<I"))
            if value is not None:
                metadata[key] = value
        alignment = metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or alignment < 1:
            raise self._damaged("its alignment is not a positive number")
        found = self._tensors(tensors)
        data_start = -(-self._at // alignment) * alignment
        end = max((data_start + tensor.start + _size(tensor) for tensor in found.values()), default=0)
        if end > self._size:
            raise self._cut_short(end)
        parameters = sum(prod(tensor.shape) for tensor in found.values())
        placed = {name: replace(tensor, start=data_start + tensor.start) for name, tensor in found.items()}
        return Header(version, metadata, parameters, self._size, placed)

    def _tensors(self, count: int) -> dict[str, Tensor]:
        """By name; they `start` where the data do."""
        tensors: dict[str, Tensor] = {}
        for _ in range(count):
            name = self._text()
            dimensions = self._number("<I")
            if dimensions > _MOST_DIMENSIONS:
                raise self._damaged(f"a tensor has {dimensions} dimensions")
            shape = tuple(self._number("<Q") for _ in range(dimensions))
            if name in tensors:
                raise self._damaged("two of its tensors have one name")
            tensors[name] = Tensor(self._number("<I"), shape, self._number("<Q"))
        return tensors

    def _value(self, kind: int) -> Value | None:
        if kind == _STRING:
            return self._text()
        if kind == _ARRAY:
            self._skip_array()
            return None
        if kind not in _SCALARS:
            raise self._damaged(f"metadata of the unknown kind {kind}")
        return self._scalar(_SCALARS[kind])

    def _skip_array(self) -> None:
        kind, length = self._number("<I"), self._number("<Q")
        if kind in _SCALARS:
            self._skip(length * struct.calcsize(_SCALARS[kind]))
            return
        if kind != _STRING:
            raise self._damaged(f"an array of the unknown kind {kind}")
        self._refuse_unless(length * 8)
        for _ in range(length):
            self._skip(self._number("<Q"))

    def _text(self) -> str:
        length = self._number("<Q")
        if length > _LONGEST_TEXT:
            raise self._damaged(f"a text of {length} bytes in its header")
        return self._take(length).decode("utf-8", "replace")

    def _number(self, form: str) -> int:
        return int(self._scalar(form))

    def _scalar(self, form: str) -> int | float | bool:
        value: int | float | bool = struct.unpack(form, self._take(struct.calcsize(form)))[0]
        return value

    def _take(self, length: int) -> bytes:
        self._refuse_unless(length)
        self._at += length
        data = self._file.read(length)
        if len(data) < length:
            raise self._cut_short(self._at)
        return data

    def _skip(self, length: int) -> None:
        self._refuse_unless(length)
        self._at += length
        self._file.seek(self._at)

    def _refuse_unless(self, length: int) -> None:
        if self._at + length > self._size:
            raise self._cut_short(self._at + length)

    def _cut_short(self, needed: int) -> LLMError:
        return LLMError(
            f"{self._path} is cut short or damaged: it has {self._size} bytes, its header speaks of {needed}",
            hint="copy or download the file again, and compare its checksum",
        )

    def _damaged(self, what: str) -> LLMError:
        return LLMError(
            f"{self._path} is a damaged GGUF file: {what}", hint="copy or download the file again"
        )


_GET_GGUF = "ragent runs models in llama.cpp's GGUF format: get that version of the model, or convert it"


# How files that are taken for models begin.
_OTHER_FORMATS = {
    b"<!doctype": "it is a web page (of a download that needs a login, perhaps)",
    b"<html": "it is a web page (of a download that needs a login, perhaps)",
    b"version https://git-lfs": "it is a Git LFS pointer, not the model (`git lfs pull` fetches it)",
    b"pk\x03\x04": "it is a zip archive or a PyTorch checkpoint",
    b"tjgg": "it is in the old GGJT format",
    b"\x80": "it looks like a Python pickle",
}


def _looks_like(start: bytes) -> str:
    if not start:
        return "it is empty"
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") < 1 << 30:
        return "it looks like safetensors"
    head = start.lstrip().lower()
    known = (what for beginning, what in _OTHER_FORMATS.items() if head.startswith(beginning))
    return next(known, f"it starts with {start[:4]!r}")
