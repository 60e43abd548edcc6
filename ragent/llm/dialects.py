"""What OpenAI-compatible servers add to the protocol, each in its own words.

Sources: llama.cpp tools/server/README.md and docs/llguidance.md; vLLM "OpenAI-Compatible Server" and
"Structured Outputs"; Ollama docs/openai.md and docs/api.md; LM Studio's REST API; llama_cpp/server/app.py.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ragent.config import LLMSettings
from ragent.errors import SchemaError
from ragent.served import Endpoint
from ragent.served.listing import Kind, find_model, found, number, optional
from ragent.types import Dry, Form, Message, Mirostat, Sampling

TOOL_CALLERS: frozenset[Kind] = frozenset({"llama-server", "vllm", "ollama", "lmstudio", "ragent", "other"})
"""Servers that may call tools by the protocol: it depends on the model, too, and on how they were started."""

_LOG = logging.getLogger("ragent.llm")
# Beyond OpenAI's protocol, or what of it nobody sets by default: the values that change nothing.
_NEUTRAL: dict[str, Any] = {
    "top_k": 0,
    "min_p": 0.0,
    "typical_p": 1.0,
    "repeat_penalty": 1.0,
    "repeat_last_n": 64,
    "frequency_penalty": 0.0,
    "presence_penalty": 0.0,
    "dry": None,
    "mirostat": None,
}
# Their defaults on servers aren't neutral everywhere.
_ALWAYS = {"top_k", "min_p", "repeat_penalty"}
_USUAL = Sampling()
_STANDARD = {"frequency_penalty", "presence_penalty"}
_OFFERED: dict[Kind, set[str]] = {
    "llama-server": set(_NEUTRAL),
    "llama-cpp-python": _STANDARD | _ALWAYS | {"mirostat"},
    "vllm": _STANDARD | _ALWAYS,
    "lmstudio": _STANDARD | _ALWAYS,
}
_USUAL_CONTEXT = 4096
# To name it is the same as to name none; a ragent server has it among others.
_USUAL_MODEL: str = LLMSettings.model_fields["model"].default
_MESSAGE_TOKENS = 8
_TOKEN_BYTES = 3


@dataclass(frozen=True, slots=True)
class Served:
    """A model on a server. `context_tokens` is 0 where the server doesn't tell."""

    kind: Kind
    model: str
    context_tokens: int = 0
    version: tuple[int, ...] = ()


def identify(endpoint: Endpoint, model: str) -> Served:
    """Find out what serves, and which of its models is meant.

    Args:
        endpoint: the server.
        model: its name there; "": the only one, or of several the one that is the default here.

    Raises:
        ModelNotFound: it has no such model, or several and none was named.
        ServerError: it can't be reached.
    """
    listed = find_model(endpoint, model, _USUAL_MODEL)
    version: tuple[int, ...] = ()
    if listed.kind == "vllm":
        told = str(found(optional(endpoint, "/version"), "version"))
        version = tuple(int(part) for part in re.findall(r"\d+", told)[:2])
    return Served(
        listed.kind, listed.name, _context(endpoint, listed.kind, listed.name, listed.entry), version
    )


def sampling_fields(kind: Kind, sampling: Sampling) -> tuple[dict[str, Any], list[str]]:
    """Sampling in the server's words, and the names of what is wanted but not offered there.

    What OpenAI's protocol lacks goes only to servers that know it.
    """
    fields: dict[str, Any] = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": sampling.seed,
    }
    if sampling.max_tokens is not None:
        fields["max_tokens"] = sampling.max_tokens
    if sampling.stop:
        fields["stop"] = list(sampling.stop)
    offered = _OFFERED.get(kind, _STANDARD)
    missing = []
    for name, neutral in _NEUTRAL.items():
        value = getattr(sampling, name)
        if name not in offered:
            # A default that a server lacks was nobody's wish.
            missing += [name] if value not in (neutral, getattr(_USUAL, name)) else []
        elif value != neutral or name in _ALWAYS:
            fields |= _spelled(kind, name, value)
    return fields, missing


def _spelled(kind: Kind, name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, Dry):
        return {
            "dry_multiplier": value.multiplier,
            "dry_base": value.base,
            "dry_allowed_length": value.allowed_length,
            "dry_penalty_last_n": value.last_n,
            "dry_sequence_breakers": list(value.breakers),
        }
    if isinstance(value, Mirostat):
        mode = "mirostat" if kind == "llama-server" else "mirostat_mode"
        return {mode: value.version, "mirostat_tau": value.tau, "mirostat_eta": value.eta}
    return {"repetition_penalty" if (kind, name) == ("vllm", "repeat_penalty") else name: value}


def form_fields(served: Served, form: Form) -> dict[str, Any]:
    """A form in the server's words.

    Raises:
        SchemaError: the server can't hold a model to a form of that kind.
    """
    if form.kind == "json":
        schema = json.loads(form.text)
        if served.kind == "llama-cpp-python":
            return {"response_format": {"type": "json_object", "schema": schema}}
        named = {"name": "value", "schema": schema, "strict": True}
        return {"response_format": {"type": "json_schema", "json_schema": named}}
    if served.kind == "vllm":
        # The first are the names up to 0.10, which 0.12 took away.
        old = served.version and served.version < (0, 11)
        return {f"guided_{form.kind}": form.text} if old else {"structured_outputs": {form.kind: form.text}}
    if served.kind == "llama-server":
        lark = f"start: /{_slashed(form.text)}/" if form.kind == "regex" else form.text
        return {"grammar": f"%llguidance {{}}\n{lark}"}
    what = "regular expressions" if form.kind == "regex" else "grammars"
    raise SchemaError(
        f"the server can't hold a model to {what}",
        hint="ask for a JSON Schema, use vLLM or llama-server, or leave [llm] url empty to run a model here",
    )


def count_tokens(endpoint: Endpoint, served: Served, messages: Sequence[Message]) -> int | None:
    """Tokens of the chat prompt by the server's own tokenizer; None where it has none to ask."""
    said = [{"role": message.role, "content": message.content} for message in messages]
    if served.kind == "vllm":
        body = {"model": served.model, "messages": said, "add_generation_prompt": True}
        return number(found(optional(endpoint, "/tokenize", body), "count"))
    if served.kind == "llama-server":
        prompt = found(optional(endpoint, "/apply-template", {"messages": said}), "prompt")
        if not isinstance(prompt, str):
            return None
        body = {"content": prompt, "add_special": True, "parse_special": True}
        tokens = found(optional(endpoint, "/tokenize", body), "tokens")
        return len(tokens) if isinstance(tokens, list) else None
    if served.kind == "llama-cpp-python":
        text = "\n".join(message.content for message in messages)
        body = {"model": served.model, "input": text}
        count = number(found(optional(endpoint, "/extras/tokenize/count", body), "count"))
        # The template's own tokens are not in it.
        return count and count + _MESSAGE_TOKENS * (len(messages) + 1)
    return None


def estimate_tokens(messages: Sequence[Message]) -> int:
    """Tokens of a chat prompt where nobody can tell: one for 3 bytes, and 8 for each turn.

    English has about 4 bytes a token, so this is on the safe side; long numbers may have more.
    """
    size = sum(len(message.content.encode("utf-8", "replace")) for message in messages)
    return -(-size // _TOKEN_BYTES) + _MESSAGE_TOKENS * (len(messages) + 1)


def usual_context(url: str) -> int:
    """The context to reckon with where the server doesn't tell."""
    _LOG.info("the server at %s doesn't tell its context: %d tokens are assumed", url, _USUAL_CONTEXT)
    return _USUAL_CONTEXT


def _context(endpoint: Endpoint, kind: Kind, name: str, entry: Mapping[str, Any]) -> int:
    if kind == "vllm":
        return number(entry.get("max_model_len")) or 0
    if kind == "llama-server":
        return number(found(optional(endpoint, "/props"), "default_generation_settings", "n_ctx")) or 0
    if kind == "ollama":
        loaded = found(optional(endpoint, "/api/ps"), "models")
        return _of_model(loaded, name, "context_length")
    if kind == "lmstudio":
        loaded = found(optional(endpoint, "/api/v0/models"), "data")
        return _of_model(loaded, name, "loaded_context_length")
    return 0


def _of_model(entries: Any, name: str, key: str) -> int:
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and name in (entry.get("id"), entry.get("name"), entry.get("model")):
            return number(entry.get(key)) or 0
    return 0


def _slashed(pattern: str) -> str:
    """A pattern as it stands between slashes."""
    return re.sub(r"\\.|/", lambda found: r"\/" if found[0] == "/" else found[0], pattern, flags=re.DOTALL)
