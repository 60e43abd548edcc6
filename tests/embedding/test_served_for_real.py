"""Embedders on real servers: ragent's own, and llama-cpp-python's, each started here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from gguf import GGUFReader
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence

from ragent.config import EmbedderSettings
from ragent.embedding import open_embedder
from ragent.embedding.served.servers import identify
from ragent.errors import ConfigError
from ragent.llm.models import DEFAULT_MODEL, resolve_model
from ragent.protocols import Embedder
from ragent.rag import Rag
from ragent.served import Endpoint, read_addresses
from tests.model_server import llama_server
from tests.server.conftest import HARBOUR, Running

QUESTIONS = ("Who may cancel a booking?", "What does a bicycle cost?", "When does the quay open?")


@pytest.fixture(scope="module")
def served(embedding_server: Running) -> Embedder:
    return open_embedder(EmbedderSettings(url=f"{embedding_server.url}/v1"))


def test_what_ragent_serves_is_the_same_model_as_here(served: Embedder, tmp_path: Path) -> None:
    here = open_embedder(EmbedderSettings(precision="fp32", threads=1))
    assert served.fingerprint == here.fingerprint
    assert served.max_tokens == here.max_tokens
    text = "Café 🙂: the harbour-master's 3rd berth\n\nnaïve " * 40
    assert served.tokenizer.offsets(text) == here.tokenizer.offsets(text)
    cosines = (served.embed_documents(QUESTIONS) * here.embed_documents(QUESTIONS)).sum(axis=1)
    np.testing.assert_allclose(cosines, 1, atol=1e-5)


def test_a_home_that_embeds_elsewhere_finds_the_same(embedding_server: Running, tmp_path: Path) -> None:
    found = []
    settings = {"precision": "fp32", "threads": 1}, {"url": f"{embedding_server.url}/v1"}
    for name, embedder in zip(("here", "there"), settings, strict=True):
        with Rag.open(tmp_path / name, embedder=embedder, ingest={"readers": 1}) as rag:
            report = rag.ingest(*sorted(HARBOUR.glob("*.md"))[:2])
            assert not report.failed
            hits = [hit for question in QUESTIONS for hit in rag.search(question, k=3).hits]
        found.append([(hit.text, round(hit.score, 3)) for hit in hits])
    here, there = found
    assert here == there
    # The collection is of one model, wherever that runs: it can go on with the other.
    with Rag.open(tmp_path / "there", embedder=settings[0]) as rag:
        assert rag.search(QUESTIONS[0], k=3).hits


def test_prefixes_are_the_servers_own(embedding_server: Running) -> None:
    embedder = open_embedder(EmbedderSettings(url=f"{embedding_server.url}/v1", query_prefix="query: "))
    with pytest.raises(ConfigError, match="prefixes"):
        _ = embedder.fingerprint


@pytest.fixture(scope="module")
def llama() -> Iterator[str]:
    with llama_server("--embedding", "true") as url:
        yield url


@pytest.fixture(scope="module")
def smollm_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model's own, from its file."""
    fields = GGUFReader(resolve_model(DEFAULT_MODEL)).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"].contents()]
    made = Tokenizer(BPE({token: n for n, token in enumerate(tokens)}, merges))  # type: ignore[no-untyped-call]
    made.pre_tokenizer = Sequence([Digits(individual_digits=True), ByteLevel(add_prefix_space=False)])
    made.decoder = ByteLevelDecoder()
    path = tmp_path_factory.mktemp("smollm") / "tokenizer.json"
    made.save(str(path))
    return path


@pytest.mark.slow
def test_llama_cpp_python(llama: str, smollm_tokenizer: Path) -> None:
    (address,) = read_addresses([llama], "embedder")
    endpoint = Endpoint(address, 60)
    assert identify(endpoint, "", "auto").kind == "llama-cpp-python"
    with pytest.raises(ConfigError, match="tokenizer"):
        open_embedder(EmbedderSettings(url=llama)).embed_documents(["x"])
    settings = EmbedderSettings(url=llama, tokenizer=str(smollm_tokenizer), max_tokens=64, batch=2)
    embedder = open_embedder(settings)
    texts = ["A whale sings.", "A whale sang a song.", "Tax law, paragraph 7"]
    body = {"input": texts[0]}
    counted = endpoint.ask(f"{endpoint.root}/extras/tokenize/count", body)["count"]
    assert embedder.tokenizer.count([texts[0]]) == [counted]
    vectors = embedder.embed_documents(texts)
    assert vectors.shape == (3, 576)
    assert embedder.fingerprint.pooling == "mean"
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]
    np.testing.assert_allclose(vectors, embedder.embed_queries(texts), atol=1e-3)
    with pytest.raises(ValueError, match="at most 64"):
        embedder.embed_documents(["word " * 65])
    endpoint.close()
