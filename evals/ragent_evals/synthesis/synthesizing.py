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
from ragent_evals.synthesis.sentences import Sentence, passage_of, read_sentences
from ragent_evals.synthesis.targets import Target, targets_of
from ragent_evals.synthesis.twisting import Twists
from ragent_evals.synthesis.writing import Writer

_CHECKED_A_TARGET = 3
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
        EvalError: the documents hold nothing to ask about, or the file can't be written.
        LLMError: the model fails, or can't say how likely it finds a text.
    """
    writer = Writer.of(
        rag.llm, load_prompt("synth-question", rag.home / "prompts"), wishes.tries, wishes.seed
    )
    about = {
        "wishes": asdict(replace(wishes, cases=0, two_document=0.0, unanswerable=0.0)),
        "model": rag.llm.name,
        "prompt": writer.template.digest,
        "collection": rag.collection.name,
        "generation": rag.store.generation(rag.collection.id),
    }
    sentences = read_sentences(rag.store, rag.collection.id)
    if not any(True for sentence in sentences for _ in targets_of(sentence)):
        raise EvalError(
            "the documents hold no sentence to ask about", hint="ingest texts with whole sentences"
        )
    with Journal(out.with_name(out.name + ".progress"), about) as journal:
        run = _Run(rag, wishes, writer, Checker.of(rag, writer.llm, wishes.k), sentences, journal)
        entries = [*run.plain(on_progress)]
        entries += run.bridged(entries)
        entries += run.twisted(entries)
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
    kept: list[tuple[str, Any]] = field(default_factory=list)

    def plain(self, on_progress: Callable[[int, int], None]) -> Iterator[Entry]:
        """Entries of targets in the order of chance, until enough are kept."""
        chance = random.Random(self.wishes.seed)  # noqa: S311
        passages = hits_of(self.rag, sorted({sentence.uri for sentence in self.sentences}))
        kept = 0
        for number, target in enumerate(_order(self.sentences, chance)):
            if kept == self.wishes.plain:
                return
            key = f"plain {number}"
            entry = self.journal.entries.get(key)
            if entry is None:
                entry = {"key": key, "sort": "one document", **self._try(target, passages)}
                self.journal.add(entry)
            if entry["case"]:
                kept += 1
                self.kept.append((entry["case"]["question"], self._vector(entry["case"]["question"])))
                on_progress(kept, self.wishes.plain)
            yield entry

    def _try(self, target: Target, passages: dict[str, list[Hit]]) -> Entry:
        """The best question that passes, and why those before it didn't."""
        sentence = target.sentence
        there = passages[sentence.uri]
        span = passage_of(sentence, [(hit.start, hit.end) for hit in there])
        if span is None:
            return {"dropped": ["split"], "case": None}
        passage = next(hit for hit in there if (hit.start, hit.end) == span)
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

    def bridged(self, plain: Sequence[Entry]) -> list[Entry]:
        """Two-document cases, from plain ones."""
        return self._more("two documents", self.wishes.bridged, self._bridges(plain))

    def _bridges(self, plain: Sequence[Entry]) -> Iterator[Entry]:
        by_place = {(s.uri, s.start): s for s in self.sentences}
        for case in [entry["case"] for entry in plain if entry["case"]]:
            place = case["passages"][0]
            sentence = by_place[place["text_id"], place["start"]]
            target = next(each for each in targets_of(sentence) if each.text == case["answers"][0])
            for bridge in bridges(case["question"], target, self.sentences):
                yield self._bridge(bridge, case["slices"]["source"])

    def _bridge(self, bridge: Bridge, source: str) -> Entry:
        question = compose(bridge, self.writer.llm)
        if not question:
            return {"dropped": ["no good wording"], "case": None}
        both = [self.checker.rank(question, each) for each in (bridge.about, bridge.target.sentence)]
        reason = "not found" if not any(both) else "near-duplicate" if self._is_known(question) else ""
        if reason:
            return {"dropped": [reason], "case": None}
        texts = [bridge.about.text, bridge.target.sentence.text]
        worst = max(both) if all(both) else self.wishes.k + 1
        slices = {"source": source, "difficulty": cases.difficulty(question, worst, texts)}
        return {"dropped": [], "case": cases.answered(question, bridge.target, slices, bridge.about)}

    def twisted(self, entries: Sequence[Entry]) -> list[Entry]:
        """Cases without an answer, from those with one."""
        return self._more("unanswerable", self.wishes.twisted, self._twists(entries))

    def _twists(self, entries: Sequence[Entry]) -> Iterator[Entry]:
        chance = random.Random(self.wishes.seed)  # noqa: S311
        twists = Twists.of(self.sentences)
        by_place = {(s.uri, s.start): s for s in self.sentences}
        for case in [
            entry["case"] for entry in entries if entry["case"] and len(entry["case"]["passages"]) == 1
        ]:
            place = case["passages"][0]
            sentence = by_place[place["text_id"], place["start"]]
            for question in twists.of_question(case["question"], chance):
                if not twists.is_unsupported(question, self.rag, self.wishes.k):
                    yield {"dropped": ["may be answered"], "case": None}
                    continue
                level = cases.difficulty(question, 1, [sentence.text])
                slices = {"source": case["slices"]["source"], "difficulty": level}
                yield {"dropped": [], "case": cases.unanswered(question, sentence, slices)}
                break

    def _more(self, sort: str, wanted: int, tried: Iterable[Entry]) -> list[Entry]:
        found: list[Entry] = []
        kept = 0
        for entry in tried:
            if kept >= wanted:
                break
            found.append({"sort": sort, **entry})
            if entry["case"]:
                kept += 1
                self.kept.append((entry["case"]["question"], self._vector(entry["case"]["question"])))
        return found

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
