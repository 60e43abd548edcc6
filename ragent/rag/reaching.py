"""Whether the servers of models that the settings name can be reached, and what they have."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

from ragent import registry
from ragent.config import EmbedderSettings, LLMSettings, Settings
from ragent.embedding import open_embedder
from ragent.errors import RagentError
from ragent.llm.doctor import Probe
from ragent.protocols import LLM

_SENTENCE = "The ferry leaves every second hour until dusk."
_ONCE = {"attempts": 1, "seconds": 20.0}


def reach_servers(settings: Settings) -> Iterator[Probe]:
    """Ask each server of `[llm] url` and `[embedder] url` what it has, and give each finding as it comes.

    A language model isn't made to write, since that may take long; an embedder embeds a sentence.
    """
    for url in settings.llm.urls:
        llm = settings.llm.model_copy(update={"url": url, **_ONCE})
        yield _probe(f"llm {url}", partial(_writer, llm))
    for url in settings.embedder.urls:
        embedder = settings.embedder.model_copy(update={"url": url, **_ONCE})
        yield _probe(f"embedder {url}", partial(_embedder, embedder))


def _probe(name: str, look: Callable[[], str]) -> Probe:
    started = time.monotonic()
    try:
        ok, detail, fix = True, look(), ""
    except RagentError as error:
        ok, detail, fix = False, error.message, error.hint
    return Probe(name, ok, detail, fix, time.monotonic() - started)


def _writer(settings: LLMSettings) -> str:
    model: LLM = registry.load("ragent.llms", "openai")(settings)
    return f"has {model.name}, with {model.context_tokens} tokens of context"


def _embedder(settings: EmbedderSettings) -> str:
    embedder = open_embedder(settings)
    embedder.embed_documents([_SENTENCE])
    told = embedder.fingerprint
    revision = f", revision {told.revision[:12]}" if told.revision else ""
    return f"has {told.model}{revision}: {told.dimension} dimensions, reads {embedder.max_tokens} tokens"
