"""Checks of a proposal against its passage, the model, and the search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ragent import Rag
from ragent.prompts import PromptTemplate, load_prompt
from ragent.rag.citing import Sources
from ragent.rag.pointing import Pointer
from ragent.rag.reading import Reading
from ragent.types import Hit
from ragent_evals.metrics.words import f1
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
        if not self._reads_back(proposal.question, target, passage):
            return Checked("not answerable", rank, gain)
        return Checked("", rank, gain)

    def rank(self, question: str, sentence: Sentence) -> int:
        """Where the search has a passage with all of a sentence, from 1; 0: not among the first k."""
        for hit in self.rag.search(question, self.k).hits:
            if hit.uri == sentence.uri and hit.start <= sentence.start and sentence.end <= hit.end:
                return hit.rank
        return 0

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

    def _reads_back(self, question: str, target: Target, passage: Hit) -> bool:
        """Whether who reads the whole passage with the question in mind points at the same words."""
        reading = Reading(question, self.rag.embedder)
        sources = Sources(question, [passage], self.rag.embedder)
        answer = Pointer(self.model, self.point, self.asking_back).find(reading, sources).answer
        if answer is None or answer.quote is None:
            return False
        start = passage.start + answer.quote.start
        inside = target.sentence.start <= start < target.sentence.end
        return inside and f1(answer.short, [target.text]) >= _SAME


_GUESSED, _LEAST_GAIN = -0.7, 0.3
_SAME = 0.6


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
