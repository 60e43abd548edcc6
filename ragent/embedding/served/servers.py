"""How each kind of server tells what it has, embeds, and counts tokens.

Sources: Text Embeddings Inference, router/src/http/types.rs; llama.cpp, tools/server/README.md; vLLM,
"OpenAI-Compatible Server"; Ollama, docs/api.md ("Generate Embeddings"); llama_cpp/server/app.py.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ragent.embedding.served.aligning import Spans, align, in_characters
from ragent.errors import ConfigError
from ragent.served import Endpoint
from ragent.served.listing import Kind, Listed, find_model, found, number, optional
from ragent.types import Fingerprint

Use = Literal["document", "query"]
ServerKind = Kind | Literal["tei"]

TOKEN_COUNTERS: frozenset[ServerKind] = frozenset({"tei", "ragent", "vllm", "llama-server"})
"""Servers that tell where tokens stand, or how they look."""

_USUAL = "minilm"


@dataclass(frozen=True, slots=True)
class Model:
    """An embedding model on a server.

    Attributes:
        kind: of server.
        name: the model's, there.
        revision: what the server says of its contents; "" where it says nothing.
        pooling: likewise.
        max_tokens: tokens that it reads of one text, special ones included; 0 where nobody tells.
        most_texts: in one request; 0: any number.
        fingerprint: where the server tells all of it, as ragent does: its limit holds without special tokens.
    """

    kind: ServerKind
    name: str
    revision: str = ""
    pooling: str = ""
    max_tokens: int = 0
    most_texts: int = 0
    fingerprint: Fingerprint | None = None


def identify(endpoint: Endpoint, model: str, api: Literal["auto", "openai", "tei"]) -> Model:
    """Find out what serves, and which of its models is meant.

    Args:
        endpoint: the server.
        model: its name there; "": the only one.
        api: what it speaks.

    Raises:
        ConfigError: it doesn't embed.
        ModelNotFound: it has no such model, or several and none was named.
        ServerError: it can't be reached.
    """
    told = None if api == "openai" else optional(endpoint, "/info")
    if isinstance(told, dict) and "model_id" in told and "max_input_length" in told:
        return _tei(told)
    if api == "tei":
        raise endpoint.telling.not_understood(str(told))
    listed = find_model(endpoint, model, _USUAL)
    if listed.kind == "ragent":
        return _ragent(endpoint, listed)
    if listed.kind == "ollama":
        return _ollama(endpoint, listed)
    if listed.kind == "llama-server":
        return _llama_server(endpoint, listed)
    return Model(listed.kind, listed.name, max_tokens=number(listed.entry.get("max_model_len")) or 0)


def embed(
    endpoint: Endpoint, model: Model, texts: Sequence[str], use: Use, deadline: float = math.inf
) -> Any:
    """What the server answers for each text, in order: a list of numbers, if all is well."""
    # Some refuse an empty text; a blank is no more than that.
    inputs = [text or " " for text in texts]
    if model.kind == "tei":
        body: dict[str, Any] = {"inputs": inputs, "truncate": False, "normalize": True}
        return endpoint.ask(f"{endpoint.root}/embed", body, deadline)
    if model.kind == "ollama":
        # By OpenAI's protocol it would cut a long text without a word.
        body = {"model": model.name, "input": inputs, "truncate": False}
        return found(endpoint.ask(f"{endpoint.root}/api/embed", body, deadline), "embeddings")
    body = {"model": model.name, "input": inputs, "encoding_format": "float"}
    if model.kind == "ragent":
        body["input_type"] = use
    answer = endpoint.ask(f"{endpoint.url}/embeddings", body, deadline)
    data = found(answer, "data")
    if not isinstance(data, list):
        return None
    rows: list[Any] = [None] * len(data)
    for place, entry in enumerate(data):
        index = found(entry, "index")
        at = index if isinstance(index, int) and 0 <= index < len(data) else place
        rows[at] = found(entry, "embedding")
    return rows


def tokenize(endpoint: Endpoint, model: Model, texts: Sequence[str]) -> list[Spans]:
    """The places of each text's tokens, special ones excluded, by one of `TOKEN_COUNTERS`."""
    if model.kind == "tei":
        body: dict[str, Any] = {"inputs": list(texts), "add_special_tokens": False}
        answer = endpoint.ask(f"{endpoint.root}/tokenize", body)
        return [in_characters(text, _offsets(tokens)) for text, tokens in zip(texts, answer, strict=True)]
    if model.kind == "ragent":
        body = {"model": model.name, "input": list(texts)}
        data = found(endpoint.ask(f"{endpoint.url}/tokenize", body), "data")
        return [[(first, last) for first, last in entry["tokens"]] for entry in data]
    return [align(text, _pieces(endpoint, model, text)) for text in texts]


def special_tokens(endpoint: Endpoint, model: Model) -> int:
    """How many tokens the server puts around a text, as far as `max_tokens` includes them."""
    if model.kind == "tei":
        return sum(
            len(endpoint.ask(f"{endpoint.root}/tokenize", {"inputs": "a", "add_special_tokens": added})[0])
            * sign
            for added, sign in ((True, 1), (False, -1))
        )
    if model.kind in ("vllm", "llama-server"):
        return len(_pieces(endpoint, model, "a", special=True)) - len(_pieces(endpoint, model, "a"))
    return 0


def _tei(told: Mapping[str, Any]) -> Model:
    pooling = found(told, "model_type", "embedding", "pooling")
    if not pooling:
        raise ConfigError(
            f"the server's model {told['model_id']} doesn't embed", hint="give another [embedder] url"
        )
    return Model(
        "tei",
        str(told["model_id"]),
        str(told.get("model_sha") or ""),
        str(pooling),
        number(told["max_input_length"]) or 0,
        number(told.get("max_client_batch_size")) or 0,
    )


def _ragent(endpoint: Endpoint, listed: Listed) -> Model:
    told = found(endpoint.ask(f"{endpoint.url}/models/{listed.name}"), "embedder")
    if not isinstance(told, dict):
        raise ConfigError(
            f"the server's model {listed.name} doesn't embed", hint="set [embedder] model to one that does"
        )
    most = number(told.pop("max_tokens", 0)) or 0
    fingerprint = Fingerprint(**told)
    return Model(
        "ragent", listed.name, fingerprint.revision, fingerprint.pooling, most, fingerprint=fingerprint
    )


def _ollama(endpoint: Endpoint, listed: Listed) -> Model:
    tags = found(optional(endpoint, "/api/tags"), "models")
    digests = [
        str(one.get("digest") or "")
        for one in (tags if isinstance(tags, list) else ())
        if isinstance(one, dict) and listed.name in (one.get("name"), one.get("model"))
    ]
    about = found(optional(endpoint, "/api/show", {"model": listed.name}), "model_info")
    contexts = [
        number(value) or 0
        for name, value in (about.items() if isinstance(about, dict) else ())
        if name.endswith(".context_length")
    ]
    return Model("ollama", listed.name, next(iter(digests), ""), max_tokens=min(contexts, default=0))


def _llama_server(endpoint: Endpoint, listed: Listed) -> Model:
    trained = number(found(listed.entry, "meta", "n_ctx_train"))
    given = number(found(optional(endpoint, "/props"), "default_generation_settings", "n_ctx"))
    parameters, size = (number(found(listed.entry, "meta", name)) for name in ("n_params", "size"))
    return Model(
        "llama-server",
        listed.name,
        f"{parameters}-{size}" if parameters and size else "",
        max_tokens=min((most for most in (trained, given) if most), default=0),
    )


def _pieces(endpoint: Endpoint, model: Model, text: str, *, special: bool = False) -> list[str]:
    url = f"{endpoint.root}/tokenize"
    if model.kind == "vllm":
        body: dict[str, Any] = {"model": model.name, "prompt": text, "add_special_tokens": special}
        answer = endpoint.ask(url, {**body, "return_token_strs": True})
        told = found(answer, "token_strs") or found(answer, "tokens")
    else:
        body = {"content": text, "add_special": special, "parse_special": False, "with_pieces": True}
        told = found(endpoint.ask(url, body), "tokens")
    if not isinstance(told, list):
        raise endpoint.telling.not_understood(str(told))
    return [_piece(one) for one in told]


def _piece(token: Any) -> str:
    piece = token.get("piece") if isinstance(token, dict) else token
    if isinstance(piece, list):  # a part of a character, as bytes
        return bytes(byte for byte in piece if isinstance(byte, int)).decode("utf-8", "ignore")
    return piece if isinstance(piece, str) else ""


def _offsets(tokens: Any) -> Spans:
    return [(token["start"], token["stop"]) for token in tokens if not token.get("special")]
