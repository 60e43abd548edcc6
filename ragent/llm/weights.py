"""A model's weights in a form that this CPU reads prompts with faster, made once and kept.

llama.cpp multiplies several rows at once in few of its types. Q4_1 and Q5_1 are not among them: each token
of a prompt costs as much as if it were alone. The same weights written as Q8_0 take 1.6 times the memory,
and prompts are read about twice as fast (`evals/benchmarks/engine.py`). What is written down is what the file
says, rounded to 8 bits a weight: the likelihood of English text changes by 0.2 %.
"""

from __future__ import annotations

import ctypes
import logging
import os
import shutil
import time
import uuid
from contextlib import suppress
from pathlib import Path

import llama_cpp
import platformdirs
import psutil  # type: ignore[import-untyped]

from ragent.config import LLMSettings
from ragent.errors import LLMError
from ragent.llm.gguf import Header, read_header
from ragent.llm.states import fingerprint

_LOG = logging.getLogger("ragent.llm")
_SLOW = {"Q4_1", "Q5_1"}
# name -> llama.cpp's number of the file type, and its bytes a weight.
_TYPES = {
    "q8_0": (llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0, 34 / 32),
    "f16": (llama_cpp.LLAMA_FTYPE_MOSTLY_F16, 2.0),
    "bf16": (llama_cpp.LLAMA_FTYPE_MOSTLY_BF16, 2.0),
}
_UNUSED_SECONDS = 60 * 86400


def weights_folder() -> Path:
    """Where converted weights lie, for all homes of this user: they can be deleted at any time."""
    return Path(platformdirs.user_cache_dir("ragent")) / "weights"


def choose_weights(settings: LLMSettings, header: Header) -> str:
    """The form that a model is to be run in: "file" (as it is), "q8_0", "f16" or "bf16".

    By `[llm] weights`; "auto" converts what llama.cpp is slow with on a CPU, if there is memory to spare.
    """
    if settings.weights != "auto":
        return settings.weights
    if settings.n_gpu_layers or header.quantization not in _SLOW:
        return "file"
    spare = psutil.virtual_memory().available // 4
    return "q8_0" if header.parameters * _TYPES["q8_0"][1] < spare else "file"


def converted(path: Path, form: str, folder: Path) -> Path:
    """The file with the model's weights in that form: kept from before, or made now.

    Several processes may ask for it at once. Where it can't be made, the model's own file is given, and the
    log says why.

    Args:
        path: the model's own file.
        form: as `choose_weights` gives it.
        folder: where such files are kept.
    """
    if form == "file":
        return path
    target = folder / f"{path.stem}-{form}-{fingerprint(path, llama_cpp.__version__).hex()[:16]}.gguf"
    try:
        read_header(target)
        # When it was last used; when it was written is part of the key of what is kept of prompts.
        os.utime(target, ns=(time.time_ns(), target.stat().st_mtime_ns))
        return target
    except (LLMError, OSError):
        pass
    try:
        _convert(path, form, target)
    except OSError as error:
        _LOG.warning("%s is used as it is, not as %s: %s", path.name, form, error)
        return path
    return target


def _convert(path: Path, form: str, target: Path) -> None:
    """Write the file beside its place, check it, and rename it. Raises OSError."""
    kind, width = _TYPES[form]
    target.parent.mkdir(parents=True, exist_ok=True)
    needed, free = int(read_header(path).parameters * width), shutil.disk_usage(target.parent).free
    if needed * 2 > free:
        raise OSError(f"it takes {needed / 1e6:.0f} MB of disk, and {free / 1e6:.0f} MB are free")
    _remove_unused(target.parent)
    _LOG.info("writing %s as %s, once: %s", path.name, form, target)
    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype, parameters.allow_requantize = kind, True
    beside = target.with_name(f"{uuid.uuid4().hex}.new")
    try:
        code = llama_cpp.llama_model_quantize(
            str(path).encode(), str(beside).encode(), ctypes.byref(parameters)
        )
        if code:
            raise OSError(f"llama.cpp can't convert it (code {code})")
        read_header(beside)
        beside.replace(target)
    except LLMError as error:
        raise OSError(str(error)) from error
    finally:
        beside.unlink(missing_ok=True)


def _remove_unused(folder: Path) -> None:
    """Remove what nobody opened for two months, and what a killed process left behind yesterday."""
    for old in folder.iterdir():
        with suppress(OSError):
            age = time.time() - max(old.stat().st_atime, old.stat().st_mtime)
            if age > (86400 if old.suffix == ".new" else _UNUSED_SECONDS):
                old.unlink()
