"""Reading a safetensors file without copying it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Weights = Mapping[str, NDArray[np.float32]]


def map_weights(path: Path) -> Weights:
    """The float32 tensors of a safetensors file, as views of the mapped file: nothing is read until used.

    Written after the format's description, https://github.com/huggingface/safetensors#format: the length of
    the header (8 bytes), a JSON header, the data. The views may be written to; the file never changes.
    """
    # Copy-on-write, because OpenVINO shares memory only with arrays that are writable.
    data = np.asarray(np.memmap(path, dtype=np.uint8, mode="c"))
    start = 8 + int(data[:8].view("<u8")[0])
    header = json.loads(data[8:start].tobytes())
    return {
        name: data[start + entry["data_offsets"][0] : start + entry["data_offsets"][1]]
        .view("<f4")
        .reshape(entry["shape"])
        for name, entry in header.items()
        if entry.get("dtype") == "F32"
    }
