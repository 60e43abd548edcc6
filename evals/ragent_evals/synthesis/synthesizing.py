"""Writes an eval set from the documents of a collection: proposes, filters, and says what came of it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ragent import Rag
from ragent.errors import EvalError
from ragent.prompts import load_prompt
from ragent.rag.terms import terms
from ragent.types import Hit
from ragent_evals.sets.writing import write_lines
from ragent_evals.synthesis import cases
from ragent_evals.synthesis.bridging import Bridge, bridges, compose
from ragent_evals.synthesis.checking import Checker, hits_of
from ragent_evals.synthesis.journal import Entry, Journal
from ragent_evals.synthesis.referring import Definites
from ragent_evals.synthesis.sentences import Sentence, passage_of, read_sentences
from ragent_evals.synthesis.targets import Target, targets_of
from ragent_evals.synthesis.twisting import Twists
from ragent_evals.synthesis.writing import Writer

_CHECKED_A_TARGET, _TRIES_A_CASE = 3, 12
_LIKE, _SAME_WORDS = 0.93, 0.75


@dataclass(frozen=True, slots=True)
class Wishes:
    """What kind of set to write.

    Attributes:
        cases: how many, at most.
        seed: of the order in which sentences are tried, and of every other chance.
        two_document: the share that needs two documents.
        unanswerable: the share that nothing answers.
        k: among how many passages the search must have the right one.
        tries: questions that the model writes for each answer, beside those made by rule.
    """

    cases: int = 50
    seed: int = 0
    two_document: float = 0.1
    unanswerable: float = 0.2
    k: int = 5
    tries: int = 1

    @property
    def plain(self) -> int:
        """How many of one document: what the two shares leave."""
        return self.cases - self.bridged - self.twisted

    @property
    def bridged(self) -> int:
        """How many of two documents."""
        return round(self.cases * self.two_document)

    @property
    def twisted(self) -> int:
        """How many without an answer."""
        return round(self.cases * self.unanswerable)


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it.

    Attributes:
        kept: by sort ("one document", "two documents", "unanswerable"), cases of the set.
        proposed: questions that were looked at, those that were dropped unread for their wording aside.
        dropped: by reason, how many of these.
        flaws: by flaw of wording (`ragent_evals.synthesis.wording.FLAWS`), those that were dropped unread.
        slices: by name and value, cases of the set.
        share: kept ones of all that were proposed.
        cases: all that were kept.
    """

    kept: dict[str, int]
    proposed: int
    dropped: dict[str, int]
    flaws: dict[str, int]
    slices: dict[str, dict[str, int]]
    share: float
    cases: int


def synthesize(
    rag: Rag, out: Path, wishes: Wishes, on_progress: Callable[[int, int], None] = lambda done, total: None
) -> Report:
    """Write a set to a file, going on with what an earlier call that was stopped has done.

    Raises:
        EvalError: the documents hold nothing to ask about, or the file can't be written, or lies in the home.
        LLMError: the model fails, or can't say how likely it finds a text.
    """
    if out.absolute().resolve().is_relative_to(rag.home.absolute().resolve()):
        raise EvalError(
            f"{out} lies in the home, where no words of a forgotten document may stay",
            hint="write the set to another folder",
        )
    sentences = read_sentences(rag.store, rag.collection.id)
    template = load_prompt("synth-question", rag.home / "prompts")
    writer = Writer.of(rag.llm, template, Definites.of(sentences), wishes.tries, wishes.seed)
    about = {
        "wishes": asdict(replace(wishes, cases=0, two_document=0.0, unanswerable=0.0)),
        "model": rag.llm.name,
        "prompt": writer.template.digest,
        "collection": rag.collection.name,
        "generation": rag.store.generation(rag.collection.id),
    }
    if not any(True for sentence in sentences for _ in targets_of(sentence)):
        raise EvalError(
            "the documents hold no sentence to ask about", hint="ingest texts with whole sentences"
        )
    with Journal(out.with_name(out.name + ".progress"), about) as journal:
        run = _Run(
            rag, wishes, writer, Checker.of(rag, writer.llm, wishes.k), sentences, journal, on_progress
        )
        entries = [*run.plain()]
        entries += [*run.bridged()]
        entries += [*run.twisted(entries)]
        write_lines(out, [entry["case"] for entry in entries if entry["case"]])
        journal.drop()
    return _report(entries)


@dataclass(slots=True)
class _Run:
    rag: Rag
    wishes: Wishes
    writer: Writer
    checker: Checker
    sentences: Sequence[Sentence]
    journal: Journal
    on_progress: Callable[[int, int], None]
    kept: list[tuple[str, Any]] = field(default_factory=list)

    def plain(self) -> Iterator[Entry]:
        """Cases of one document, from targets in the order of chance."""
        chance = random.Random(self.wishes.seed)  # noqa: S311
        passages = hits_of(self.rag, sorted({sentence.uri for sentence in self.sentences}))
        tries = _order(self.sentences, chance)
        return self._more("one document", self.wishes.plain, tries, lambda one: self._try(one, passages))

    def _try(self, target: Target, passages: dict[str, list[Hit]]) -> Entry:
        """The best question that passes, and why those before it didn't."""
        sentence = target.sentence
        passage = _holding(sentence, passages[sentence.uri])
        if passage is None:
            return {"dropped": ["split"], "case": None}
        proposals, flaws = self.writer.propose(target)
        dropped = [] if proposals else ["no good wording"]
        for proposal in proposals[:_CHECKED_A_TARGET]:
            checked = self.checker.check(proposal, passage)
            reason = checked.reason or ("near-duplicate" if self._is_known(proposal.question) else "")
            if reason:
                dropped.append(reason)
                continue
            level = cases.difficulty(proposal.question, checked.rank, [sentence.text])
            slices = {"source": proposal.source, "difficulty": level}
            case = cases.answered(proposal.question, target, slices)
            return {"dropped": dropped, "flaws": flaws, "case": case}
        return {"dropped": dropped, "flaws": flaws, "case": None}

    def bridged(self) -> Iterator[Entry]:
        """Two-document cases, from names that two documents share."""
        found = bridges(self.sentences, random.Random(self.wishes.seed))  # noqa: S311
        tries = found[: _TRIES_A_CASE * self.wishes.bridged]
        passages = hits_of(self.rag, sorted({sentence.uri for sentence in self.sentences}))
        return self._more(
            "two documents", self.wishes.bridged, tries, lambda one: self._bridge(one, passages)
        )

    def _bridge(self, bridge: Bridge, passages: dict[str, list[Hit]]) -> Entry:
        """The best question that passes, and why those before it didn't."""
        every = [hit for hits in passages.values() for hit in hits]
        composed = compose(bridge, self.writer)
        dropped = [] if composed else ["no good wording"]
        for one in composed[:_CHECKED_A_TARGET]:
            ends = one.description.sentence, bridge.target.sentence
            both = [_holding(sentence, passages[sentence.uri]) for sentence in ends]
            if both[0] is None or both[1] is None:
                dropped.append("split")
                continue
            question = one.proposal.question
            checked = self.checker.check_both(one, every, (both[0], both[1]))
            reason = checked.reason or ("near-duplicate" if self._is_known(question) else "")
            if reason:
                dropped.append(reason)
                continue
            level = cases.difficulty(question, checked.rank, [sentence.text for sentence in ends])
            slices = {"source": one.proposal.source, "difficulty": level}
            return {"dropped": dropped, "case": cases.answered(question, bridge.target, slices, ends[0])}
        return {"dropped": dropped, "case": None}

    def twisted(self, entries: Sequence[Entry]) -> Iterator[Entry]:
        """Cases without an answer, from those with one."""
        twists = Twists.of(self.sentences)
        tries = [entry["case"] for entry in entries if entry["case"] and len(entry["case"]["passages"]) == 1]
        return self._more("unanswerable", self.wishes.twisted, tries, lambda case: self._twist(case, twists))

    def _twist(self, case: cases.Line, twists: Twists) -> Entry:
        """The first question with something else put in that nothing answers."""
        place = case["passages"][0]
        sentence = next(s for s in self.sentences if (s.uri, s.start) == (place["text_id"], place["start"]))
        dropped: list[str] = []
        chance = random.Random(f"{self.wishes.seed} {case['id']}")  # noqa: S311
        for question in twists.of_question(case["question"], chance):
            found = self.rag.search(question, self.wishes.k).hits
            if not twists.is_unsupported(question, found):
                dropped.append("may be answered")
            elif self.checker.is_supported(question):
                dropped.append("supported")
            else:
                level = cases.difficulty(question, 1, [sentence.text])
                slices = {"source": case["slices"]["source"], "difficulty": level}
                return {"dropped": dropped, "case": cases.unanswered(question, sentence, slices)}
        return {"dropped": dropped, "case": None}

    def _more(
        self, sort: str, wanted: int, tries: Iterable[Any], attempt: Callable[[Any], Entry]
    ) -> Iterator[Entry]:
        """Entries of what is tried in turn, until enough are kept; one that is noted isn't tried again."""
        kept = 0
        for number, one in enumerate(tries):
            if kept == wanted:
                return
            key = f"{sort} {number}"
            entry = self.journal.entries.get(key)
            if entry is None:
                entry = {"key": key, "sort": sort, **attempt(one)}
                self.journal.add(entry)
            if entry["case"]:
                kept += 1
                self.kept.append((entry["case"]["question"], self._vector(entry["case"]["question"])))
                self.on_progress(len(self.kept), self.wishes.cases)
            yield entry

    def _is_known(self, question: str) -> bool:
        """Whether a kept question is nearly the same: by meaning (a cosine) and by words (Jaccard)."""
        vector, words = self._vector(question), terms(question)
        for other, known in self.kept:
            others = terms(other)
            alike = len(words & others) / max(1, len(words | others))
            if alike >= _SAME_WORDS or (alike >= _SAME_WORDS / 2 and float(known @ vector) >= _LIKE):
                return True
        return False

    def _vector(self, question: str) -> Any:
        return np.asarray(self.rag.embedder.embed_queries([question])[0])


def _holding(sentence: Sentence, passages: Sequence[Hit]) -> Hit | None:
    """The passage with all of a sentence, if one has it."""
    span = passage_of(sentence, [(hit.start, hit.end) for hit in passages])
    return next((hit for hit in passages if (hit.start, hit.end) == span), None)


def _order(sentences: Sequence[Sentence], chance: random.Random) -> list[Target]:
    """One target of each sentence first, then the second ones, and so on; by chance within."""
    rounds: list[list[Target]] = []
    for sentence in sentences:
        found = list(targets_of(sentence))
        chance.shuffle(found)
        for number, target in enumerate(found):
            if number == len(rounds):
                rounds.append([])
            rounds[number].append(target)
    for targets in rounds:
        chance.shuffle(targets)
    return [target for targets in rounds for target in targets]


def _report(entries: Sequence[Entry]) -> Report:
    kept = [entry for entry in entries if entry["case"]]
    slices: dict[str, Counter[str]] = {}
    for entry in kept:
        for name, value in entry["case"]["slices"].items():
            slices.setdefault(name, Counter())[value] += 1
    dropped = Counter(reason for entry in entries for reason in entry["dropped"])
    flaws: Counter[str] = Counter()
    for entry in entries:
        flaws.update(entry.get("flaws", {}))
    return Report(
        kept=dict(Counter(entry["sort"] for entry in kept)),
        proposed=len(kept) + dropped.total(),
        dropped=dict(dropped.most_common()),
        flaws=dict(flaws.most_common()),
        slices={name: dict(sorted(counts.items())) for name, counts in sorted(slices.items())},
        share=len(kept) / max(1, len(kept) + dropped.total()),
        cases=len(kept),
    )
