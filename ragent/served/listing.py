"""What a server is, and which of its models is meant."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ragent.errors import LLMError, ModelNotFound, ServerError
from ragent.served.endpoint import Endpoint

Kind = Literal["llama-server", "vllm", "ollama", "lmstudio", "llama-cpp-python", "ragent", "other"]

_LOG = logging.getLogger("ragent.served")
# What each writes as the owner of its models.
_OWNERS: dict[str, Kind] = {
    "llamacpp": "llama-server",
    "vllm": "vllm",
    "library": "ollama",
    "organization_owner": "lmstudio",
    "me": "llama-cpp-python",
    "ragent": "ragent",
}


@dataclass(frozen=True, slots=True)
class Listed:
    """A model as its server lists it: its name there, what kind of server it is, and what else is told."""

    kind: Kind
    name: str
    entry: Mapping[str, Any]


def find_model(endpoint: Endpoint, model: str, usual: str = "") -> Listed:
    """The model of that name; where it is "", the server's only one, or of several the `usual` one.

    Raises:
        ModelNotFound: there is no such model, or there are several and none was named.
        ServerError: the server can't be reached, or doesn't list its models.
    """
    answer = endpoint.ask(f"{endpoint.url}/models")
    data = found(answer, "data")
    entries = [entry for entry in data if isinstance(entry, dict)] if isinstance(data, list) else []
    names = [str(entry.get("id", "")) for entry in entries]
    if not model and usual in names:
        model = usual
    name = _chosen(model, names, endpoint.address.section)
    entry = next((entry for entry in entries if entry.get("id") == name), {})
    return Listed(_OWNERS.get(str(entry.get("owned_by")), "other"), name, entry)


def optional(endpoint: Endpoint, path: str, body: Mapping[str, Any] | None = None) -> Any:
    """What a server answers outside the protocol; None where it doesn't.

    Raises:
        ServerError: it can't be reached at all.
    """
    try:
        return endpoint.ask(endpoint.root + path, body)
    except ServerError as error:
        if error.retryable and error.status == 0:
            raise
        _LOG.info("%s: %s", path, error)
    except LLMError as error:
        _LOG.info("%s: %s", path, error)
    return None


def found(value: Any, *keys: str) -> Any:
    """What lies under these keys, one in another; None where there is nothing."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def number(value: Any) -> int | None:
    """A positive whole number; None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _chosen(model: str, names: list[str], section: str) -> str:
    if not names and model:
        return model
    for name in (model, f"{model}:latest"):
        if model and name in names:
            return name
    if not model and len(names) == 1:
        return names[0]
    raise ModelNotFound(
        f"the server has no model {model!r}" if model else "the server has several models, or none",
        hint=f"set [{section}] model to one of: {', '.join(names[:20]) or '(it lists none)'}",
    )
