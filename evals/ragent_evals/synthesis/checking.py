"""Checks of a proposal against its passage, the model, and the search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ragent import Rag
from ragent.prompts import PromptTemplate, load_prompt
from ragent.rag.citing import Sources, Supported
from ragent.rag.pointing import Pointer, fitted
from ragent.rag.reading import Reading
from ragent.rag.support import Support
from ragent.rag.terms import terms
from ragent.types import Hit
from ragent_evals.metrics.words import f1
from ragent_evals.synthesis.bridging import Composed
from ragent_evals.synthesis.sentences import Sentence
from ragent_evals.synthesis.targets import Target
from ragent_evals.synthesis.writing import Proposal, WritingModel


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checks found.

    Attributes:
        reason: the first check that failed, or "".
        rank: where the search has the passage, from 1; 0 where it isn't among the first k.
        gain: how much likelier the model finds the answer with the sentence than without, in ln p a token.
    """

    reason: str = ""
    rank: int = 0
    gain: float = 0.0


@dataclass(frozen=True, slots=True)
class Checker:
    """Reads questions as one who doesn't know the answer."""

    rag: Rag
    model: WritingModel
    point: PromptTemplate
    asking_back: PromptTemplate
    k: int

    @classmethod
    def of(cls, rag: Rag, model: WritingModel, k: int) -> Checker:
        """With the prompts of a home."""
        prompts: Path = rag.home / "prompts"
        return cls(rag, model, load_prompt("point", prompts), load_prompt("ask-back", prompts), k)

    def check(self, proposal: Proposal, passage: Hit) -> Checked:
        """Answerable from the passage alone, not without it, and found by the search; the cheapest first."""
        target = proposal.target
        rank = self.rank(proposal.question, target.sentence)
        if not rank:
            return Checked("not found")
        gain, guess = self._gain(proposal)
        if guess > _GUESSED or gain < _LEAST_GAIN:
            return Checked("answerable without", rank, gain)
        if not self._reads_back(proposal.question, target, [passage]):
            return Checked("not answerable", rank, gain)
        return Checked("", rank, gain)

    def check_both(self, composed: Composed, passages: Sequence[Hit], both: tuple[Hit, Hit]) -> Checked:
        """Of two documents: no one of all `passages` is enough, both are found, and both together answer."""
        proposal = composed.proposal
        if any(_is_enough(composed, hit) for hit in passages):
            return Checked("one passage is enough")
        found = self.rag.search(proposal.question, 2 * self.k, technique="multihop").hits
        ranks = [_rank(found, each) for each in (composed.description.sentence, proposal.target.sentence)]
        if not all(ranks):
            return Checked("not found")
        if not self._reads_back(proposal.question, proposal.target, both):
            return Checked("not answerable", max(ranks))
        return Checked("", max(ranks))

    def is_supported(self, question: str) -> bool:
        """Whether what the pointer finds in the found passages supports an answer."""
        found = self.rag.search(question, self.k).hits
        sources = Sources(question, found, self.rag.embedder)
        answer = self._point(question, sources)
        if answer is None or answer.quote is None:
            return False
        support = Support(Reading(question, self.rag.embedder), sources, fitted()["support"])
        return support.of(answer.quote, answer.likelihood) >= _SUPPORTED

    def rank(self, question: str, sentence: Sentence) -> int:
        """Where the search has a passage with all of a sentence, from 1; 0: not among the first k."""
        return _rank(self.rag.search(question, self.k).hits, sentence)

    def _gain(self, proposal: Proposal) -> tuple[float, float]:
        answer = proposal.target.text
        count = self.model.count([answer])[0]
        with_it, without = (
            self.model.log_likelihoods(
                self.point.render(passages=passages, question=proposal.question), [answer]
            )[0]
            / count
            for passages in ([proposal.target.sentence.text], [])
        )
        return with_it - without, without

    def _reads_back(self, question: str, target: Target, passages: Sequence[Hit]) -> bool:
        """Whether who reads the whole passages with the question in mind points at the same words."""
        answer = self._point(question, Sources(question, passages, self.rag.embedder))
        if answer is None or answer.quote is None:
            return False
        start = answer.quote.hit.start + answer.quote.start
        inside = target.sentence.start <= start < target.sentence.end
        is_there = answer.quote.hit.uri == target.sentence.uri and inside
        return is_there and f1(answer.short, [target.text]) >= _SAME

    def _point(self, question: str, sources: Sources) -> Supported | None:
        reading = Reading(question, self.rag.embedder)
        return Pointer(self.model, self.point, self.asking_back).find(reading, sources).answer


def _is_enough(composed: Composed, hit: Hit) -> bool:
    """Whether a passage holds the answer, most of the description, and half of what else is asked."""
    if composed.proposal.target.text not in hit.text:
        return False
    held = terms(f"{hit.context} {hit.text}")
    described = terms(composed.description.words)
    rest = terms(composed.proposal.question) - terms(composed.phrase)
    return len(described & held) >= _MOST_DESCRIBED * len(described) and len(
        rest & held
    ) >= _MOST_ASKED * len(rest)


def _rank(hits: Sequence[Hit], sentence: Sentence) -> int:
    for hit in hits:
        if hit.uri == sentence.uri and hit.start <= sentence.start and sentence.end <= hit.end:
            return hit.rank
    return 0


_GUESSED, _LEAST_GAIN = -0.7, 0.3
_SAME, _SUPPORTED = 0.6, 0.5
_MOST_DESCRIBED, _MOST_ASKED = 0.75, 0.5


def hits_of(rag: Rag, uris: Sequence[str]) -> dict[str, list[Hit]]:
    """All passages of documents, by uri, as if a search had found them."""
    known = rag.store.known_documents(rag.collection.id)
    found: dict[str, list[Hit]] = {}
    for uri in uris:
        ids = rag.store.chunks_of([known[uri].id])
        passages = rag.store.passages(rag.collection.id, ids)
        found[uri] = [
            Hit(
                rank=1, score=0.0, chunk_id=p.chunk_id, document_id=p.document_id, uri=p.uri, title=p.title,
                page=p.page, start=p.start, end=p.end, text=p.text, context=p.context, metadata=p.metadata,
            )
            for p in passages.values()
        ]  # fmt: skip
    return found
