"""What rerankers have in common that ask a language model about one passage at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ragent.errors import ConfigError
from ragent.protocols import LLM, Scoring
from ragent.retrieval.rerank.passages import windows
from ragent.types import Hit, Message


def need_scoring(llm: LLM) -> Scoring:
    """The model as one that can score. Raises ConfigError when it can't."""
    if isinstance(llm, Scoring):
        return llm
    raise ConfigError(
        f"{llm.name} doesn't tell how likely it finds a text",
        hint="this reranker needs a model that runs here, such as a GGUF file",
    )


def judge(
    model: Scoring, hits: Sequence[Hit], prompt: Callable[[str], Message], continuations: Sequence[str]
) -> Iterator[list[float]]:
    """For each hit in turn, ln p of each continuation; of a long passage, the best that a window gives.

    Args:
        model: What scores.
        hits: Whose passages are read.
        prompt: The user's message over a passage, or a window of it.
        continuations: What the answer could be.
    """
    room = model.scoring_tokens - model.count_prompt([prompt("")]) - max(model.count(continuations))
    # Joined to the prompt a passage may come out a little longer than alone.
    limit = room - room // 16
    for hit in hits:
        judged = [model.log_likelihoods([prompt(text)], continuations) for text in windows(hit, model, limit)]
        yield max(judged, key=lambda scores: scores[0] - sum(scores[1:]))
