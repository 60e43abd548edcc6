"""Control vectors in files: a direction for each layer, which the hidden states are moved along.

The format is that of llama.cpp and repeng, so their files can be used here and ours there: a GGUF file of the
architecture `controlvector` with a tensor `direction.N` for each layer N, from 1 on.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from ragent.errors import LLMError
from ragent.llm.gguf import Tensor, read_header

_ARCHITECTURE = "controlvector"
_PREFIX = "direction."
_ALIGNMENT = 32
_NUMBERS = {0: "<f4", 1: "<f2"}


@dataclass(frozen=True, slots=True, eq=False)
class ControlVector:
    """`directions`: by layer, each of shape (hidden size,); `model`: whose they are, as a hint for people."""

    directions: Mapping[int, NDArray[np.float32]]
    model: str = ""


def save_control_vector(path: Path, vector: ControlVector) -> None:
    """Write a file; it replaces one that is there at once. Raises LLMError if it can't be written."""
    layers = sorted(vector.directions)
    head = [
        b"GGUF" + struct.pack("<IQQ", 3, len(layers), 3),
        _text("general.architecture") + struct.pack("<I", 8) + _text(_ARCHITECTURE),
        _text(f"{_ARCHITECTURE}.model_hint") + struct.pack("<I", 8) + _text(vector.model),
        _text(f"{_ARCHITECTURE}.layer_count") + struct.pack("<Ii", 5, len(layers)),
    ]
    data = b""
    for layer in layers:
        direction = vector.directions[layer].astype("<f4")
        head += [_text(f"{_PREFIX}{layer}"), struct.pack("<IQIQ", 1, len(direction), 0, len(data))]
        data += _padded(direction.tobytes())
    beside = path.with_name(path.name + ".new")
    try:
        beside.write_bytes(_padded(b"".join(head)) + data)
        beside.replace(path)
    except OSError as error:
        raise LLMError(f"can't write {path}: {error.strerror}", hint="name another file") from error


def read_control_vector(path: Path) -> ControlVector:
    """Read a file.

    Raises:
        ModelNotFound: there is none.
        LLMError: it is damaged or cut short, or holds something else.
    """
    header = read_header(path)
    if header.text("general.architecture") != _ARCHITECTURE:
        raise LLMError(f"{path} is no control vector", hint="`ragent models steer` makes one")
    with path.open("rb") as file:
        directions = {}
        for name, tensor in header.tensors.items():
            number = name.removeprefix(_PREFIX)
            if number == name or not number.isdecimal() or not int(number):
                raise LLMError(f"{path} is no control vector: it has a tensor {name!r}")
            directions[int(number)] = _numbers(path, tensor, file)
    sizes = {len(direction) for direction in directions.values()}
    if len(sizes) != 1:
        raise LLMError(f"{path} is no control vector: its directions have {len(sizes)} sizes")
    return ControlVector(directions, header.text(f"{_ARCHITECTURE}.model_hint"))


def _numbers(path: Path, tensor: Tensor, file: BinaryIO) -> NDArray[np.float32]:
    # Only the extents of kinds that are known have been checked against the file's.
    if tensor.kind not in _NUMBERS or len(tensor.shape) != 1:
        raise LLMError(f"{path} is no control vector that can be read", hint="its numbers must be F32 or F16")
    number = np.dtype(_NUMBERS[tensor.kind])
    file.seek(tensor.start)
    direction = np.frombuffer(file.read(tensor.shape[0] * number.itemsize), number).astype(np.float32)
    if not np.isfinite(direction).all():
        raise LLMError(f"{path} is damaged: a direction holds something else than numbers")
    return direction


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % _ALIGNMENT)
