"""Writes preference pairs as a data set: JSON Lines, with a manifest of how they were made."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragent.errors import EvalError
from ragent_evals.judging.preferring import Dropped, Pair


@dataclass(frozen=True, slots=True)
class Written:
    """What was written where. `dropped` counts questions by the reason why they gave no pair."""

    path: Path
    manifest: Path
    kept: int
    revised: int
    dropped: Mapping[str, int]


def write_pairs(
    path: Path, found: Sequence[Pair | Dropped], about: Mapping[str, Any], *, conversational: bool
) -> Written:
    """Write a file, and beside it `NAME.manifest.json`; each is there as a whole or not at all.

    Args:
        path: of the JSON Lines.
        found: what came of each question.
        about: what the manifest is to say besides: models, prompts, principles, seeds.
        conversational: whether prompts and answers are lists of messages, or plain texts.

    Raises:
        EvalError: it can't be written.
    """
    pairs = [one for one in found if isinstance(one, Pair)]
    dropped = Counter[str](one.reason for one in found if isinstance(one, Dropped))
    lines = [json.dumps(one.line(conversational=conversational), ensure_ascii=False) + "\n" for one in pairs]
    text = "".join(lines)
    biases = [float(one.provenance["bias"]) for one in pairs]
    biases += [one.bias for one in found if isinstance(one, Dropped) and one.bias is not None]
    manifest = {
        "file": path.name,
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "layout": "conversational" if conversational else "standard",
        "questions": len(found),
        "kept": len(pairs),
        "revised": sum(one.provenance["chosen"] == "revision" for one in pairs),
        "dropped": dict(sorted(dropped.items())),
        "position_bias": round(sum(biases) / len(biases), 4) if biases else None,
        **about,
    }
    beside = path.with_name(f"{path.name}.manifest.json")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, text)
        _write(beside, json.dumps(manifest, ensure_ascii=False, indent=2) + "\n")
    except OSError as error:
        raise EvalError(f"can't write {path}: {error.strerror}") from error
    return Written(path, beside, len(pairs), manifest["revised"], manifest["dropped"])


def _write(path: Path, text: str) -> None:
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
        try:
            file.write(text)
            file.close()
            Path(file.name).chmod(0o644)
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
