"""Questions to the graph: what links those that a question names, and the sentences that prove each step."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from ragent.corpus.graph.knowledge import Entity, Fact, KnowledgeGraph, Path
from ragent.errors import QueryError
from ragent.index.names import normalise
from ragent.words.stopwords import STOP_WORDS


@dataclass(frozen=True, slots=True)
class GraphAnswer:
    """What the graph knows of a question.

    Of two entities and more, `paths` links each with the next. Of one, `facts` is what is said of it.
    """

    question: str
    entities: tuple[Entity, ...]
    paths: tuple[Path, ...]
    facts: tuple[Fact, ...]


def ask_graph(graph: KnowledgeGraph, question: str, count: int = 3, hops: int = 4) -> GraphAnswer:
    """Find what links those that a question names, over `hops` steps at most.

    Args:
        graph: What is asked.
        question: Names one or more entities.
        count: How many paths between two of them, or facts of one.
        hops: The longest path.

    Raises:
        QueryError: the question names nobody whom the graph knows.
    """
    named = graph.named_in(question)
    if not named:
        raise QueryError(
            "the question names nothing that the graph knows", hint="ragent graph show lists what it knows"
        )
    if len(named) == 1:
        facts = sorted(graph.facts_of(named[0]), key=lambda fact: -_shared(question, fact))
        return GraphAnswer(question, tuple(named), (), tuple(facts[:count]))
    paths = [path for first, second in pairwise(named) for path in graph.paths(first, second, count, hops)]
    return GraphAnswer(question, tuple(named), tuple(paths), ())


def _shared(question: str, fact: Fact) -> int:
    """How many of the question's words the sentence holds."""
    asked, said = (set(normalise(text).split()) - STOP_WORDS for text in (question, fact.quote))
    return len(asked & said)
