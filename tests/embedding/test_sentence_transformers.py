from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ragent.config import EmbedderSettings
from ragent.embedding import open_embedder
from ragent.errors import ConfigError, ModelNotFound
from ragent.protocols import Embedder


def test_the_models_own_prompts_are_used(opened: Callable[[str], Embedder]) -> None:
    embedder = opened("st-tiny")
    assert embedder.fingerprint.query_prefix == "ask "
    assert embedder.max_tokens == 20 - 2 - 3
    np.testing.assert_allclose(
        embedder.embed_queries(["bee"]), embedder.embed_documents(["ask bee"]), atol=1e-6
    )


def test_prefixes_of_the_settings_win(tiny_folder: Path, opened: Callable[[str], Embedder]) -> None:
    embedder = open_embedder(EmbedderSettings(model=str(tiny_folder), precision="fp32", query_prefix="x "))
    assert embedder.fingerprint.query_prefix == "x "
    np.testing.assert_allclose(
        embedder.embed_queries(["bee"]), opened("st-tiny").embed_documents(["x bee"]), atol=1e-6
    )


def test_the_fingerprint_follows_the_contents(
    tmp_path: Path, tiny_folder: Path, make_tiny: Callable[[Path, int], Path]
) -> None:
    moved = shutil.copytree(tiny_folder, tmp_path / "elsewhere" / "tiny")
    other = make_tiny(tmp_path / "other" / "tiny", 2)
    first, same, different = (
        open_embedder(EmbedderSettings(model=str(folder))).fingerprint
        for folder in (tiny_folder, moved, other)
    )
    assert first == same
    assert first.model == different.model == "tiny"
    assert first.revision != different.revision


def test_bf16_stays_close(minilm_folder: Path, opened: Callable[[str], Embedder]) -> None:
    embedder = open_embedder(EmbedderSettings(model=str(minilm_folder), precision="bf16"))
    texts = ["How do I return a broken lamp?", "clay " * 100]
    cosines = embedder.embed_documents(texts) * opened("st-minilm").embed_documents(texts)
    assert cosines.sum(axis=1).min() > 0.99


@pytest.mark.parametrize("name", ["no-such-model", "nobody/no-such-model", "./not/a/folder", "bad name!"])
def test_a_model_that_is_not_here(name: str) -> None:
    with pytest.raises(ModelNotFound, match="neither a folder nor in the local hub cache"):
        open_embedder(EmbedderSettings(model=name))


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't load an embedding model"):
        open_embedder(EmbedderSettings(model=str(tmp_path)))
