"""What models are called: `ragent` answers from the documents, the others are those it works with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from ragent.config import EmbedderSettings, LLMSettings
from ragent.errors import RagentError
from ragent.server.errors import Refused
from ragent.service import Service, Session

DOCUMENTS = "ragent"
_FILE = re.compile(r"[/\\]|\.gguf$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which model is asked: the documents of a collection, or, where it is None, the plain model."""

    collection: str | None


def plain_name(service: Service) -> str:
    """The language model's own name. Raises LLMError where a server has it and doesn't tell."""
    settings = service.settings.llm
    if settings.url and settings.model == LLMSettings.model_fields["model"].default:
        return service.root.llm.name
    return _short(settings.model)


def embedder_name(service: Service) -> str:
    """The embedder's own name. Raises RagentError where a server has it and doesn't tell."""
    settings = service.settings.embedder
    if settings.urls and settings.model == EmbedderSettings.model_fields["model"].default:
        return service.root.embedder.fingerprint.model
    return _short(settings.model)


def model_names(session: Session) -> list[str]:
    """All that somebody may ask, by name; `ragent/NAME` is one collection."""
    service = session.service
    names = [DOCUMENTS, *(f"{DOCUMENTS}/{info.name}" for info in session.collections())]
    for name_of in (plain_name, embedder_name):
        with suppress(RagentError):  # its server doesn't answer: what else there is can still be used
            names.append(name_of(service))
    return names


def asked_for(name: str, session: Session) -> Asked:
    """The model of that name. Raises Refused where no answers come from it."""
    service = session.service
    if name == DOCUMENTS:
        return Asked(service.settings.collection)
    if name.startswith(f"{DOCUMENTS}/"):
        return Asked(name.removeprefix(f"{DOCUMENTS}/"))
    if name == plain_name(service):
        return Asked(None)
    raise no_model(name, [DOCUMENTS, plain_name(service)])


def no_model(name: str, offered: Sequence[str]) -> Refused:
    """What is said of a model that there isn't."""
    return Refused(
        f"there is no model {name[:100]!r} for this",
        param="model",
        hint=f"there are: {', '.join(offered)}",
        code="model_not_found",
    )


def _short(model: str) -> str:
    # A path of this machine is nobody's business.
    return re.split(r"[/\\]", model)[-1].removesuffix(".gguf") if _FILE.search(model) else model
