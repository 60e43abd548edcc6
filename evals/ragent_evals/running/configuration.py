"""What decides the outcome of a case: settings, model, prompts, collection. It has no path and no secret."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import xxhash

from ragent.config import Settings
from ragent.llm.models import resolve_model
from ragent.prompts import load_prompt
from ragent.rag import Rag
from ragent_evals.running.texts import Ground
from ragent_evals.sets.case import Kind

_SEARCHING = ("embedder", "chunking", "index", "retrieval", "rerank")
_SECTIONS: Mapping[Kind, tuple[str, ...]] = {
    "retrieval": _SEARCHING,
    "answer": (*_SEARCHING, "ask", "llm"),
    "turns": (*_SEARCHING, "ask", "llm"),
    "schema": ("llm",),
    "tools": ("llm",),
}
_PROMPTS: Mapping[Kind, tuple[str, ...]] = {
    "retrieval": (),
    "answer": ("answer", "answer-cot", "quote", "point", "ask-back"),
    "turns": ("answer", "answer-cot", "quote", "point", "ask-back", "condense-question"),
    "schema": (),
    "tools": ("call",),
}
_PROMPTS_OF_SEARCH = ("decompose", "hyde", "judge", "paraphrase", "step-back")
_OF_NO_CONSEQUENCE = {
    "llm": {"threads", "parallel", "cache_mb", "disk_cache_mb", "mmap", "mlock", "seconds", "timeout_s"},
    "embedder": {"threads"},
}
_SAMPLES, _SAMPLE_BYTES = 64, 4096


def configuration(ground: Ground, kinds: Iterable[Kind], depth: int) -> dict[str, Any]:
    """All that decides what comes of cases of these kinds, but for the cases and the texts themselves.

    Args:
        ground: what they are run on.
        kinds: of the cases.
        depth: how many passages a search gives.

    Raises:
        ModelNotFound: a model is needed, and isn't there.
        ConfigError: a prompt is needed, and isn't there.
    """
    rag, wanted = ground.rag, set(kinds)
    retrieval = rag.settings.retrieval
    searches = bool(wanted & {"retrieval", "answer", "turns"})
    sections = {section for kind in wanted for section in _SECTIONS[kind]}
    prompts = {name for kind in wanted for name in _PROMPTS[kind]}
    if searches and (retrieval.technique or retrieval.rerank):
        sections.add("llm")
        prompts.update(_PROMPTS_OF_SEARCH)
    if "ask" in sections:
        prompts.add(rag.settings.ask.prompt)
    made: dict[str, Any] = {
        "ragent": version("ragent"),
        "settings": {section: _section(rag.settings, section) for section in sorted(sections)},
        "prompts": {name: _prompt(rag, name) for name in sorted(prompts)},
        "seed": rag.settings.llm.seed,
        "prefix": ground.prefix,
    }
    if "llm" in sections:
        made["model"] = _model(rag)
    if "retrieval" in wanted:
        made["depth"] = depth
    if searches:
        made["generation"] = rag.store.generation(rag.collection.id)
        if rag.collection.fingerprint:
            made["embedder"] = asdict(rag.collection.fingerprint) | {
                "model": _named(rag.collection.fingerprint.model)
            }
    if "ask" in sections and rag.settings.ask.examples:
        name = rag.settings.ask.prompt.partition("@")[0]
        made["examples"] = _file_digest(rag.home / "prompts" / f"{name}.examples.jsonl")
    return made


def digest(value: Any) -> str:
    """Of a JSON value, whatever the order of its members."""
    return xxhash.xxh3_128_hexdigest(json.dumps(value, sort_keys=True).encode())


def _section(settings: Settings, section: str) -> dict[str, Any]:
    kept: dict[str, Any] = getattr(settings, section).model_dump(
        mode="json", exclude=_OF_NO_CONSEQUENCE.get(section, set())
    )
    for name in ("model", "draft_model", "cross_encoder"):
        if name in kept:
            kept[name] = _named(kept[name])
    for name in ("loras", "control_vectors"):
        if name in kept:
            kept[name] = {_adapter(path): strength for path, strength in kept[name].items()}
    if kept.get("url"):
        kept["url"] = _host(kept["url"])
    return kept


def _named(model: str) -> str:
    """A model's name, or of a path its last part."""
    path = Path(model).expanduser()
    return path.name if path.is_absolute() or model.startswith(".") else model


def _adapter(path: str) -> str:
    file = Path(path).expanduser()
    return f"{file.name} {_file_digest(file)}" if file.is_file() else file.name


def _host(url: str) -> str:
    """An address without the user, password and parameters that it may hold."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _model(rag: Rag) -> dict[str, str]:
    llm = rag.settings.llm
    if llm.url:
        return {"url": ", ".join(map(_host, llm.urls)), "name": llm.model}
    path = resolve_model(llm.model, rag.home / "models")
    return {"name": _named(llm.model), "file": _file_digest(path)}


def _prompt(rag: Rag, name: str) -> str:
    used = load_prompt(name, rag.home / "prompts").used
    return f"{used.version} {used.digest}"


def _file_digest(path: Path) -> str:
    """Of a file's size and of samples from all over it: to hash a model takes longer than many cases."""
    status = path.stat()
    return _digest_of(path, status.st_size, status.st_mtime_ns)


@cache
def _digest_of(path: Path, size: int, _changed_ns: int) -> str:
    made = xxhash.xxh3_128(str(size).encode())
    with path.open("rb") as file:
        for sample in range(_SAMPLES):
            file.seek(size * sample // _SAMPLES)
            made.update(file.read(_SAMPLE_BYTES))
    return made.hexdigest()
