"""Embedders on servers that do what real ones may: each in its own words, well or not."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragent.config import EmbedderSettings
from ragent.embedding import open_embedder
from ragent.embedding.served.aligning import align, in_characters
from ragent.embedding.served.counting import grouped
from ragent.embedding.served.embedder import ServedEmbedder
from ragent.errors import ConfigError, EmbedderMismatch, ModelNotFound, ServerError
from ragent.served import Retries
from ragent.types import Fingerprint
from tests.embedding.words import WELL, listing, vectors_of
from tests.making import DIMENSION, HashedWords
from tests.served.wire import Act, Wire, computed, garbage, hang, reply, reset, wired

EMBED = "/v1/embeddings"
TEXTS = [f"text {n} about {'whales' if n % 2 else 'ships'}" for n in range(50)]


def answering(change: Callable[[list[list[float]]], Any]) -> Act:
    def answer(body: Any) -> Any:
        return {"data": [{"embedding": one} for one in change(vectors_of(body["input"]))]}

    return computed(answer)


Open = Callable[..., ServedEmbedder]


@pytest.fixture
def open_(word_tokenizer: Path) -> Open:
    def opened(*wires: Wire, **settings: Any) -> ServedEmbedder:
        given = {"seconds": 5, "tokenizer": str(word_tokenizer), "max_tokens": 64, **settings}
        urls = tuple(wire.url for wire in wires)
        return ServedEmbedder(EmbedderSettings(url=urls, **given), retries=Retries(3, 0.01))

    return opened


@pytest.fixture
def one() -> Iterator[Wire]:
    with wired(models=listing(), embeddings=WELL) as wire:
        yield wire


@pytest.fixture
def two() -> Iterator[Wire]:
    with wired(models=listing(), embeddings=WELL) as wire:
        yield wire


def check(embedder: ServedEmbedder, texts: list[str] = TEXTS) -> None:
    np.testing.assert_allclose(embedder.embed_documents(texts), HashedWords().embed_queries(texts), atol=1e-6)


def test_the_settings_choose_it(one: Wire) -> None:
    embedder = open_embedder(EmbedderSettings(url=one.url))
    assert isinstance(embedder, ServedEmbedder)
    assert not one.asked


def test_texts_go_in_batches_and_come_back_in_order(one: Wire, open_: Open) -> None:
    embedder = open_(one, batch=8)
    check(embedder)
    assert max(len(body["input"]) for body in one.bodies(EMBED)) == 8
    assert len(one.bodies(EMBED)) == 2 + 7  # two to see what it is
    assert embedder.embed_documents([]).shape == (0, DIMENSION)


def test_prefixes_and_the_fingerprint(one: Wire, open_: Open) -> None:
    embedder = open_(one, query_prefix="q ", document_prefix="doc ")
    embedder.embed_queries(["x"])
    embedder.embed_documents(["x", ""])
    assert [body["input"] for body in one.bodies(EMBED)[2:]] == [["q x"], ["doc x", "doc "]]
    assert embedder.fingerprint == Fingerprint("words", "", "", "q ", "doc ", DIMENSION, normalized=True)
    assert embedder.max_tokens == 63
    assert "127.0.0.1" not in str(embedder.fingerprint)


def test_a_long_text_is_refused_and_a_long_query_averaged(one: Wire, open_: Open) -> None:
    embedder = open_(one)
    with pytest.raises(ValueError, match="text 1 has 65 tokens"):
        embedder.embed_documents(["a", "a " * 65])
    assert len(one.bodies(EMBED)) == 2
    assert embedder.embed_queries(["a " * 200]).shape == (1, DIMENSION)
    assert max(len(text.split()) for body in one.bodies(EMBED) for text in body["input"]) == 64


def test_load_is_spread(one: Wire, two: Wire, open_: Open) -> None:
    embedder = open_(one, two, batch=1)
    for _ in range(3):
        check(embedder)
    assert len(one.bodies(EMBED)) > 10
    assert len(two.bodies(EMBED)) > 10
    asked = [body["input"][0] for wire in (one, two) for body in wire.bodies(EMBED)]
    assert all(asked.count(text) == 3 for text in TEXTS)


@pytest.mark.parametrize(
    "fault",
    [
        reset,
        reply("down", 500),
        reply("busy", 429, Retry_After="0"),
        garbage(b"<html>"),
        garbage(b'{"data": [{"embedding": [NaN]}]}'),
        answering(lambda vectors: vectors[:-1]),
        answering(lambda vectors: [vector[:-1] for vector in vectors]),
        answering(lambda vectors: [[0.0] * DIMENSION for _ in vectors]),
    ],
)
def test_a_server_that_falls_ill_midway_costs_nothing(one: Wire, two: Wire, open_: Open, fault: Act) -> None:
    embedder = open_(one, two, batch=2)
    check(embedder)
    one.acts[EMBED] = [WELL, WELL, fault]
    check(embedder, TEXTS[::-1])


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (reset, "can't reach"),
        (reply("down", 500), "answers 500"),
        (reply("who?", 401), "RAGENT_SECRET_127_0_0_1_API_KEY"),
        (garbage(b"<html>"), "doesn't speak a protocol for embeddings"),
        (reply({"data": "x"}), "no vectors"),
        (reply([1]), "no vectors"),
        (answering(lambda vectors: vectors[:-1]), "1 vectors for 2 texts"),
        (answering(lambda vectors: [vectors[0], vectors[1][:-1]]), "something else than vectors"),
        (answering(lambda vectors: [vector[:-1] for vector in vectors]), "15 dimensions where 16 are"),
        (answering(lambda vectors: [["x"] * DIMENSION for _ in vectors]), "something else"),
        (answering(lambda vectors: [None for _ in vectors]), "vectors"),
        (answering(lambda vectors: [[float("nan")] * DIMENSION for _ in vectors]), "NaN"),
        (answering(lambda vectors: [[float("inf")] * DIMENSION for _ in vectors]), "NaN or infinite"),
        (answering(lambda vectors: [[0.0] * DIMENSION for _ in vectors]), "zeros"),
    ],
)
def test_faults_have_names(one: Wire, open_: Open, fault: Act, told: str) -> None:
    embedder = open_(one)
    check(embedder)
    one.acts[EMBED] = [fault]
    with pytest.raises(ServerError, match=told):
        embedder.embed_documents(["one", "two"])


def test_a_server_that_hangs(one: Wire, two: Wire, open_: Open) -> None:
    embedder = open_(one, two, seconds=0.3, breaker_failures=1)
    check(embedder)
    one.acts[EMBED] = [hang]
    check(embedder)
    alone = open_(two, seconds=30, timeout_s=0.5)
    check(alone)
    two.acts[EMBED] = [hang]
    with pytest.raises(ServerError, match="in time"):
        alone.embed_documents(["x"])


def test_vectors_are_made_unit(one: Wire, open_: Open) -> None:
    one.acts[EMBED] = [answering(lambda vectors: [[3 * number for number in one] for one in vectors])]
    check(open_(one))


def test_vectors_of_tokens_are_averaged(one: Wire, open_: Open) -> None:
    one.acts[EMBED] = [answering(lambda vectors: [[one, one] for one in vectors])]
    embedder = open_(one)
    check(embedder)
    assert embedder.fingerprint.pooling == "mean"


@pytest.mark.parametrize("answer", [answering(lambda vectors: vectors[:1] * len(vectors)), "refuse"])
def test_a_server_that_mixes_texts_up_gets_them_one_by_one(
    one: Wire, open_: Open, caplog: pytest.LogCaptureFixture, answer: Any
) -> None:
    def refuse(wire: Wire, connection: Any) -> None:
        alone = len(wire.asked[-1][1]["input"]) == 1
        (WELL if alone else reply("llama_decode returned -1", 500))(wire, connection)

    one.acts[EMBED] = [refuse if answer == "refuse" else answer]
    check(open_(one))
    assert "one by one" in caplog.text


@pytest.mark.parametrize("what", ["vectors", "name", "revision"])
def test_another_model_is_refused(one: Wire, two: Wire, open_: Open, what: str) -> None:
    if what == "vectors":
        two.acts[EMBED] = [answering(lambda vectors: [one[::-1] for one in vectors])]
    elif what == "name":
        two.acts["/v1/models"] = [listing(name="sentences")]
    else:
        for size, wire in enumerate((one, two), 1):
            wire.acts["/v1/models"] = [listing("llamacpp", meta={"n_params": 1, "size": size})]
    embedder = open_(one, two, batch=1)
    with pytest.raises(EmbedderMismatch, match="another embedding model"):
        [embedder.embed_documents(TEXTS) for _ in range(5)]


def test_moving_a_server_is_no_other_model(one: Wire, two: Wire, open_: Open) -> None:
    assert open_(one).fingerprint == open_(two).fingerprint


def test_what_must_be_set(one: Wire, open_: Open, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\[embedder\] tokenizer"):
        open_(one, tokenizer="").embed_documents(["x"])
    with pytest.raises(ConfigError, match=r"\[embedder\] max_tokens"):
        _ = open_(one, max_tokens=0).max_tokens
    with pytest.raises(ConfigError, match="can't read"):
        _ = open_(one, tokenizer=str(tmp_path / "none")).tokenizer
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"no tokenizer\.json"):
        _ = open_(one, tokenizer=str(tmp_path)).tokenizer
    with pytest.raises(ConfigError, match="no room"):
        _ = open_(one, query_prefix="a " * 64).max_tokens
    one.acts["/v1/models"] = [reply({"data": [{"id": "a"}, {"id": "b"}]})]
    with pytest.raises(ModelNotFound, match=r"(?s)several.*\[embedder\] model to one of: a, b"):
        _ = open_(one).fingerprint


def test_it_can_be_sent_to_another_process(one: Wire, open_: Open) -> None:
    embedder = open_(one)
    check(embedder)
    check(pickle.loads(pickle.dumps(embedder)))


# -- each server in its own words ---------------------------------------------------------------------------


def word_spans(text: str) -> list[tuple[int, int]]:
    return HashedWords().tokenizer.offsets(text)


def test_text_embeddings_inference(one: Wire, open_: Open) -> None:
    told = {"model_id": "org/words", "model_sha": "abc", "model_type": {"embedding": {"pooling": "cls"}}}
    one.acts = {
        "/info": [reply({**told, "max_input_length": 64, "max_client_batch_size": 4})],
        "/embed": [computed(lambda body: vectors_of(body["inputs"]))],
        "/tokenize": [computed(tei_tokens)],
    }
    embedder = open_(one, tokenizer="", max_tokens=0)
    check(embedder)
    assert embedder.fingerprint == Fingerprint("org/words", "abc", "cls", "", "", DIMENSION, normalized=True)
    assert embedder.max_tokens == 62
    assert all(body["truncate"] is False and len(body["inputs"]) <= 4 for body in one.bodies("/embed"))
    assert embedder.tokenizer.offsets("naïve  café, so") == [(0, 5), (7, 12), (13, 15)]
    asked = len(one.bodies("/tokenize"))
    assert embedder.tokenizer.count(["a b", "", "a b"]) == [2, 0, 2]
    assert embedder.tokenizer.count(["a b"]) == [2]
    assert len(one.bodies("/tokenize")) == asked + 1
    sent = pickle.loads(pickle.dumps(embedder.tokenizer))
    assert sent.count(["a b c"]) == [3]
    long = "word " * 30_000
    assert embedder.tokenizer.offsets(long) == word_spans(long)
    one.acts["/tokenize"] = [reply([[{"id": 1}]])]
    with pytest.raises(ServerError, match="tokens"):
        embedder.tokenizer.count(["new"])


def tei_tokens(body: Any) -> Any:
    inputs = [body["inputs"]] if isinstance(body["inputs"], str) else body["inputs"]
    around = [{"id": 0, "text": "[X]", "special": True, "start": None, "stop": None}]
    around *= bool(body["add_special_tokens"])
    found = []
    for text in inputs:
        # It counts bytes where a text isn't ASCII.
        spans = [(len(text[:a].encode()), len(text[:b].encode())) for a, b in word_spans(text)]
        tokens = [{"id": 1, "text": "?", "special": False, "start": a, "stop": b} for a, b in spans]
        found.append([*around, *tokens, *around])
    return found


def test_a_reranker_of_text_embeddings_inference_does_not_embed(one: Wire, open_: Open) -> None:
    one.acts = {"/info": [reply({"model_id": "x", "max_input_length": 9, "model_type": {"reranker": {}}})]}
    with pytest.raises(ConfigError, match="doesn't embed"):
        _ = open_(one).fingerprint
    with pytest.raises(ServerError, match="embeddings"):
        _ = open_(wire_without_info(one), api="tei").fingerprint


def wire_without_info(wire: Wire) -> Wire:
    del wire.acts["/info"]
    return wire


def test_ollama(one: Wire, open_: Open) -> None:
    one.acts = {
        "/v1/models": [listing("library", "words:latest")],
        "/api/tags": [reply({"models": [{"name": "words:latest", "digest": "d1"}]})],
        "/api/show": [reply({"model_info": {"bert.context_length": 48, "general.architecture": "bert"}})],
        "/api/embed": [computed(lambda body: {"embeddings": vectors_of(body["input"])})],
    }
    embedder = open_(one, model="words", max_tokens=0)
    check(embedder)
    assert (embedder.fingerprint.model, embedder.fingerprint.revision) == ("words:latest", "d1")
    assert embedder.max_tokens == 48
    # By default, it cuts.
    assert all(body["truncate"] is False for body in one.bodies("/api/embed"))


def pieces_of(text: str) -> list[str]:
    return [text[first:last] for first, last in word_spans(text)]


def test_llama_server(one: Wire, open_: Open) -> None:
    def tokens(body: Any) -> Any:
        around = [{"id": 9, "piece": "[CLS]"}] * bool(body["add_special"])
        return {"tokens": [*around, *({"id": 1, "piece": f" {one}"} for one in pieces_of(body["content"]))]}

    meta = {"n_ctx_train": 64, "n_params": 22, "size": 44}
    one.acts |= {
        "/v1/models": [listing("llamacpp", meta=meta)],
        "/props": [reply({"default_generation_settings": {"n_ctx": 32}})],
        "/tokenize": [computed(tokens)],
    }
    embedder = open_(one, tokenizer="", max_tokens=0)
    check(embedder)
    assert (embedder.fingerprint.revision, embedder.max_tokens) == ("22-44", 31)
    assert embedder.tokenizer.offsets("Ships  sail") == [(0, 5), (7, 11)]


def test_vllm(one: Wire, open_: Open) -> None:
    def tokens(body: Any) -> Any:
        around = ["<s>"] * bool(body["add_special_tokens"])
        return {
            "count": 0,
            "tokens": [],
            "token_strs": [*around, *(f"Ġ{one}" for one in pieces_of(body["prompt"]))],
        }

    one.acts |= {"/v1/models": [listing("vllm", max_model_len=64)], "/tokenize": [computed(tokens)]}
    embedder = open_(one, tokenizer="", max_tokens=0)
    check(embedder)
    assert embedder.max_tokens == 63
    assert embedder.tokenizer.offsets("Ships  sail") == [(0, 5), (7, 11)]


# -- pieces and places --------------------------------------------------------------------------------------


def test_pieces_are_found_whatever_their_case_and_accents() -> None:
    text = "Café NAÏVE, unbelievably 🙂 end"
    pieces = ["▁cafe", "naive", ",", "un", "##believ", "##ably", "[UNK]", "Ġend"]
    shown = [text[first:last] for first, last in align(text, pieces)]
    assert shown == ["Café", "NAÏVE", ",", "un", "believ", "ably", "", "end"]


@given(st.text(max_size=40), st.lists(st.text(max_size=4), max_size=12))
def test_there_is_a_span_for_each_piece_in_order(text: str, pieces: list[str]) -> None:
    spans = align(text, pieces)
    assert len(spans) == len(pieces)
    assert all(0 <= first <= last <= len(text) for first, last in spans)
    assert [first for first, _ in spans] == sorted(first for first, _ in spans)


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=30))
def test_places_in_bytes_become_places_in_characters(text: str) -> None:
    places = [(n, n + 1) for n in range(len(text))]
    in_bytes = [(len(text[:a].encode()), len(text[:b].encode())) for a, b in places]
    assert in_characters(text, in_bytes) == places
    assert in_characters(text, places) == places


@given(st.lists(st.text(max_size=9), max_size=20), st.integers(1, 5), st.integers(1, 20))
def test_groups_keep_all_texts_within_their_limits(texts: list[str], most: int, weight: int) -> None:
    groups = grouped(texts, most, weight, len)
    assert [text for group in groups for text in group] == texts
    assert all(len(group) <= most for group in groups)
    assert all(len(group) == 1 or sum(map(len, group)) <= weight for group in groups)


def test_json_of_numbers_is_what_is_sent(one: Wire, open_: Open) -> None:
    check(open_(one))
    body = one.bodies(EMBED)[0]
    assert json.loads(json.dumps(body)) == {
        "model": "words",
        "input": body["input"],
        "encoding_format": "float",
    }
