"""A language model's word on pairs that the fields leave in doubt."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ragent.corpus.matching.scoring import Link
from ragent.corpus.matching.tables import Record
from ragent.errors import ConfigError
from ragent.protocols import LLM, Scoring
from ragent.types import Message

_DOUBT = 0.1, 0.9
_LEAST = 1e-6


def is_in_doubt(link: Link) -> bool:
    """Whether its probability is neither low nor high."""
    return _DOUBT[0] <= link.probability <= _DOUBT[1]


def judged(
    links: Iterable[Link], tables: tuple[Sequence[Record], Sequence[Record]], model: LLM, threshold: float
) -> Iterator[Link]:
    """The links, those in doubt with the model's odds of yes against no multiplied in.

    A rival's way stays barred: what was not to be matched for that reason isn't put to the model.

    Raises:
        ConfigError: the model doesn't tell how likely it finds a text.
        LLMError: the model failed, or two records are longer than it reads.
    """
    if not isinstance(model, Scoring):
        raise ConfigError(
            f"{model.name} doesn't tell how likely it finds a text",
            hint="judging needs a model that runs here, such as a GGUF file",
        )
    for link in links:
        barred = link.probability > threshold and not link.matched
        if barred or not is_in_doubt(link):
            yield link
            continue
        yes, no = model.log_likelihoods([_question(link, tables)], ["Yes", "No"])
        own = min(max(link.probability, _LEAST), 1 - _LEAST)
        odds = math.log(own / (1 - own)) + yes - no
        probability = 1 / (1 + math.exp(-max(-50.0, min(50.0, odds))))
        yield replace(link, probability=round(probability, 4), matched=probability > threshold)


def _question(link: Link, tables: tuple[Sequence[Record], Sequence[Record]]) -> Message:
    left, right = _shown(tables[0][link.left]), _shown(tables[1][link.right])
    asked = "Do the two records describe the very same thing? Say only Yes or No."
    return Message("user", f"Record A\n{left}\n\nRecord B\n{right}\n\n{asked}")


def _shown(record: Record) -> str:
    return "\n".join(f"{name}: {value}" for name, value in record.items() if value.strip())
