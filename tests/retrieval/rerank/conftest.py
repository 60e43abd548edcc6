from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ragent.config import EmbedderSettings, LLMSettings
from ragent.embedding import open_embedder
from ragent.protocols import Embedder

if TYPE_CHECKING:
    from ragent.llm.llamacpp import LlamaCpp

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@pytest.fixture(scope="session")
def minilm() -> Embedder:
    return open_embedder(EmbedderSettings(precision="fp32", threads=1))


@pytest.fixture(scope="session")
def engine() -> LlamaCpp:
    from ragent.llm.llamacpp import open_llamacpp

    return open_llamacpp(LLMSettings(n_ctx=512, threads=1))


@pytest.fixture(scope="session")
def cross_encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random BERT of one layer with one score, which spells and reads 24 tokens."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

    folder = tmp_path_factory.mktemp("cross-encoder")
    letters = [*_LETTERS, *(f"##{letter}" for letter in _LETTERS)]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), "utf-8")
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=24,
        num_labels=1,
        # Large weights, so that scores differ.
        initializer_range=1.0,
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    BertTokenizer(vocab=str(folder / "vocab.txt"), model_max_length=24).save_pretrained(folder)
    return folder
