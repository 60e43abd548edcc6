"""Cross-encoders: any model that sentence-transformers loads as one, from a folder or the local hub cache."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
from sentence_transformers import CrossEncoder
from transformers.utils import logging as transformers_logging

from ragent.embedding.tokens import FastTokenizer
from ragent.errors import ConfigError, ModelNotFound
from ragent.retrieval.context import SearchContext
from ragent.retrieval.rerank.ordering import by_score
from ragent.retrieval.rerank.passages import windows
from ragent.types import Hit

_AT_ONCE = 16


class CrossEncoderReranker:
    """Ranks by the score of a model that reads query and passage together.

    Nogueira and Cho 2019 (arXiv:1901.04085). A passage too long for the model is read in windows, and the
    best of them counts (Dai and Callan 2019, arXiv:1905.09217). The model's score replaces the one so far.
    """

    def __init__(self, folder: Path, *, device: str = "cpu") -> None:
        """Load the model in `folder`, without running code that comes with it.

        Raises:
            ConfigError: it isn't a cross-encoder of one score, or doesn't say how much it reads.
        """
        self._model = _load(folder, device)
        tokenizer = self._model.tokenizer
        if not getattr(tokenizer, "is_fast", False):
            raise ConfigError(f"{folder.name} has no fast tokenizer", hint="it needs a tokenizer.json")
        self._tokenizer = FastTokenizer(tokenizer.backend_tokenizer.to_str())
        self._around = int(tokenizer.num_special_tokens_to_add(pair=True))
        self._window = _window(self._model, folder)

    def rerank(self, query: str, hits: Sequence[Hit]) -> tuple[Hit, ...]:
        """All of `hits`, best first.

        Raises:
            RerankError: the query leaves the model no room for a passage.
        """
        *_, best = self.steps(query, hits)
        return best

    def steps(self, query: str, hits: Sequence[Hit]) -> Iterator[tuple[Hit, ...]]:
        """The order after every 16 passages read."""
        (asked,) = self._tokenizer.count([query])
        limit = self._window - self._around - asked
        scores: list[float] = []
        yield by_score(hits, scores)
        for first in range(0, len(hits), _AT_ONCE):
            groups = [windows(hit, self._tokenizer, limit) for hit in hits[first : first + _AT_ONCE]]
            pairs = [(query, text) for group in groups for text in group]
            found = self._model.predict(pairs, batch_size=_AT_ONCE, show_progress_bar=False)
            starts = np.cumsum([0] + [len(group) for group in groups[:-1]])
            scores += np.maximum.reduceat(np.asarray(found, dtype=np.float64), starts).tolist()
            yield by_score(hits, scores)


def open_cross_encoder(context: SearchContext) -> CrossEncoderReranker:
    """Open the folder that `[rerank] cross_encoder` names, or the hub model of that name in the local cache.

    Nothing is downloaded.

    Raises:
        ModelNotFound: there is no such folder, and the hub model isn't in the cache.
        ConfigError: none is named, or it can't be used.
    """
    name = context.rerank.cross_encoder
    if not name:
        raise ConfigError(
            "no cross-encoder is named",
            hint='set [rerank] cross_encoder, e.g. to "cross-encoder/ms-marco-MiniLM-L6-v2" or a folder',
        )
    folder = Path(name).expanduser()
    return CrossEncoderReranker(folder if folder.is_dir() else _cached(name))


def _cached(name: str) -> Path:
    try:
        return Path(snapshot_download(name, local_files_only=True))
    except (HFValidationError, LocalEntryNotFoundError) as error:
        raise ModelNotFound(
            f"no cross-encoder {name!r}: neither a folder nor in the local hub cache",
            hint=f"give a folder, or fetch the model once: hf download {name}",
        ) from error


def _load(folder: Path, device: str) -> Any:
    transformers_logging.disable_progress_bar()
    try:
        model = CrossEncoder(str(folder), device=device, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, RuntimeError) as error:
        raise ConfigError(f"can't load a cross-encoder from {folder}: {error}") from error
    if model.num_labels != 1:
        raise ConfigError(
            f"{folder.name} gives {model.num_labels} scores a pair", hint="use a model that gives one"
        )
    return model


def _window(model: Any, folder: Path) -> int:
    """Tokens that the model reads, query, passage and special tokens together."""
    places = getattr(model.config, "max_position_embeddings", None)
    known = [int(n) for n in (model.tokenizer.model_max_length, places) if n and n < 1_000_000]
    if not known:
        raise ConfigError(
            f"{folder.name} doesn't say how many tokens it reads",
            hint="set model_max_length in its tokenizer_config.json",
        )
    return min(known)
