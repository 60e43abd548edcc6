"""The user's examples of questions and good answers, and which of them a prompt is given.

They are never sources: they teach the model how to answer, and no citation can refer to them.
"""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ragent.errors import ConfigError
from ragent.index.files import replacing
from ragent.prompts import Example, choose_examples, read_examples
from ragent.protocols import Embedder, Vectors
from ragent.store.proof import SHORTEST

_LOG = logging.getLogger("ragent.rag")


class Exemplars:
    """The examples of one prompt: HOME/prompts/NAME.examples.jsonl.

    The vectors of their questions are kept in HOME/cache/examples, by the text and the embedder: only new
    ones are computed.
    """

    def __init__(self, home: Path, prompt: str, embedder: Embedder, count: int) -> None:
        """Nothing is read yet. `prompt` may name a version: all versions share their examples.

        Raises:
            ConfigError: some are wanted, and there is no file.
        """
        name = prompt.partition("@")[0]
        self._path = home / "prompts" / f"{name}.examples.jsonl"
        self._cache = home / "cache" / "examples" / f"{name}.npz"
        self._embedder = embedder
        self._count = count
        if count and not self._path.is_file():
            raise ConfigError(
                f"[ask] examples is {count}, but there is no file {self._path}",
                hint='write one, a line an example: {"question": "…", "answer": "…", "passages": ["…"]}',
            )

    def choose(self, question: str) -> Sequence[Example]:
        """As many as are set, by likeness to a question, the most like it last.

        Raises:
            ConfigError: the file isn't valid, or can't be read.
        """
        if not self._count:
            return ()
        examples = read_examples(self._path)
        if not examples:
            return ()
        vectors = self._vectors([example.question for example in examples])
        query = _unit(self._embedder.embed_queries([question]))[0]
        return choose_examples(examples, vectors, query, self._count)

    def _vectors(self, questions: Sequence[str]) -> Vectors:
        keys = [self._key(question) for question in questions]
        known = self._load()
        new = {key: text for key, text in zip(keys, questions, strict=True) if key not in known}
        if new:
            known |= dict(zip(new, _unit(self._embedder.embed_queries(list(new.values()))), strict=True))
        vectors = np.stack([known[key] for key in keys])
        if new or len(known) > len(set(keys)):
            self._save(keys, vectors)
        return vectors

    def _key(self, question: str) -> str:
        return hashlib.sha256(f"{self._embedder.fingerprint}\n{question}".encode()).hexdigest()

    def _load(self) -> dict[str, Vectors]:
        try:
            with np.load(self._cache) as kept:
                return dict(zip(kept["keys"].tolist(), kept["vectors"], strict=True))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            _LOG.info("the vectors of the examples are computed again: %s", error)
            return {}

    def _save(self, keys: Sequence[str], vectors: Vectors) -> None:
        try:
            self._cache.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._cache.parent, suffix=".tmp", delete=False) as file:
                np.savez(file, keys=np.array(keys), vectors=vectors)
            Path(file.name).replace(self._cache)
        except OSError as error:
            _LOG.warning("the vectors of the examples are not kept: %s", error)


def forget_examples(folder: Path, texts: Sequence[str]) -> None:
    """Take those examples out of the files of a folder that are from certain texts: whole lines only.

    An example is from a text if a passage of it stands there, or an answer that is no mere word or two.
    """
    for path in folder.glob("*.examples.jsonl"):
        lines = path.read_text("utf-8", errors="replace").splitlines(keepends=True)
        kept = [line for line in lines if not _is_from(line, texts)]
        if len(kept) < len(lines):
            with replacing(path) as temporary:
                temporary.write_text("".join(kept), "utf-8")


def _is_from(line: str, texts: Sequence[str]) -> bool:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return False
    if not isinstance(value, dict):
        return False
    answer, passages = value.get("answer"), value.get("passages", [])
    said = [*(passages if isinstance(passages, list) else []), answer]
    long = [part for part in said if isinstance(part, str) and len(part) >= SHORTEST]
    return any(part in text for part in long for text in texts)


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    unit: Vectors = (vectors / lengths).astype(np.float32)
    return unit
