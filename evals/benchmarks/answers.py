"""How good answers are, whether they know when to be silent, and what they cost, for each way to answer.

    python evals/benchmarks/answers.py FOLDER [--cases 60]

FOLDER holds a QA set: `contexts.jsonl` of {_id, title, text} and `questions.jsonl` of {id, question,
context_id, answers, is_impossible}. Each question is asked over its own text and the four others that the
search likes best; half of the questions have no answer there. They are taken from those articles that
`evals/benchmarks/fit_answers.py` didn't fit to. "plain" is the model's own text, nothing checked, when it is
told to say so if the passages don't tell; the rest is `ask` with its defaults.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragent import Rag
from ragent.rag.citing import Sources
from ragent.rag.focusing import focus, whole
from ragent.types import Message
from ragent_evals.estimates import interval
from ragent_evals.metrics.words import f1, is_exact
from ragent_evals.running.answering import MOST_PASSAGES, scopes, write_texts
from ragent_evals.sets.case import Case
from ragent_evals.sets.choosing import balanced, half_of
from ragent_evals.sets.opening import open_set

Values = NDArray[np.float64]
STYLES = ("draft", "quote", "extract")
FOCUS = (256,)
PLAIN = "Answer the question from the passages in a few words. If they don't tell, say: unanswerable."
SILENT = re.compile(
    r"unanswerable|(?:not|n't|no) (?:\w+ )?(?:mention|sa[iy]|state|specif|provide|tell|know|answer|inform)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Outcome:
    """One answer, judged. `resolved` and `quotes` count its quotes."""

    text: str
    abstained: bool
    support: float
    resolved: int
    quotes: int
    tokens: int
    seconds: float = 0.0


Way = Callable[[Case, Mapping[str, Any]], Outcome]


def main() -> None:
    """Print a row for each way to answer, and what shorter prompts do to the plain one."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cases", type=int, default=60)
    parser.add_argument("--max-tokens", type=int, default=48)
    parser.add_argument("--abstain-below", type=float, help="as [ask] abstain_below, for this run")
    parser.add_argument("--way", action="append", help="these only: plain, draft, quote, extract …")
    arguments = parser.parse_args()
    qa = open_set(arguments.folder)
    cases = balanced(half_of(qa, 0), arguments.cases)
    with tempfile.TemporaryDirectory() as home:
        texts = Path(home) / "texts"
        write_texts(qa, texts)
        ask = {} if arguments.abstain_below is None else {"abstain_below": arguments.abstain_below}
        with Rag.open(Path(home) / "home", llm={"max_tokens": arguments.max_tokens}, ask=ask) as rag:
            rag.ingest(texts)
            filters = scopes(rag, texts, cases)
            done = {}
            print_header(cases)
            for name, way in ways(rag):
                if not arguments.way or name in arguments.way:
                    done[name] = [timed(way, case, each) for case, each in zip(cases, filters, strict=True)]
                    print_row(name, cases, done[name])
    for budget in FOCUS:
        if {"plain", f"plain, {budget}"} <= done.keys():
            print_saving(budget, cases, done["plain"], done[f"plain, {budget}"])


def ways(rag: Rag) -> Iterator[tuple[str, Way]]:
    """Each way to answer, by name."""
    for budget in (0, *FOCUS):
        yield (
            f"plain, {budget}" if budget else "plain",
            lambda case, where, most=budget: plain(rag, case, where, most),
        )
    for style in STYLES:
        ask = rag.settings.ask.model_copy(update={"style": style})
        other = Rag(rag.home, rag.settings.model_copy(update={"ask": ask}))
        yield style, lambda case, where, by=other: asked(by, case, where)
        if style == "quote":
            yield "its words", lambda case, where, by=other: asked(by, case, where, short=True)


def timed(way: Way, case: Case, where: Mapping[str, Any]) -> Outcome:
    """With the CPU seconds it took, of all threads."""
    began = time.process_time()
    made = way(case, where)
    return Outcome(**{**vars(made), "seconds": time.process_time() - began})


def plain(rag: Rag, case: Case, where: Mapping[str, Any], budget: int) -> Outcome:
    """The model's text as it comes, from whole passages or from `budget` tokens of them."""
    hits = rag.search(case.question, MOST_PASSAGES, where=where).hits
    excerpts = whole(hits)
    if budget:
        sources = Sources(case.question, hits, rag.embedder)
        excerpts = focus(sources, hits, rag.embedder.tokenizer, budget)
    passages = "\n\n".join(each.text for each in reversed(excerpts) if each.text)
    messages = [Message("user", f"{passages}\n\n{PLAIN}\n\n{case.question}")]
    text = "".join(delta.text for delta in rag.llm.stream(messages, rag.settings.llm.sampling))
    silent = bool(SILENT.search(text))
    return Outcome(text, silent, float(not silent), 0, 0, rag.llm.count_prompt(messages))


def asked(rag: Rag, case: Case, where: Mapping[str, Any], *, short: bool = False) -> Outcome:
    """What `ask` answers, or the words it points at; its quotes looked up in the files themselves."""
    answer = rag.ask(case.question, MOST_PASSAGES, where=where)
    texts = {each.document_id: rag.store.document_text(each.document_id) or "" for each in answer.citations}
    resolved = sum(texts[each.document_id][each.start : each.end] == each.quote for each in answer.citations)
    tokens, quotes = answer.usage.prompt_tokens, len(answer.citations)
    text = " ".join(each.short for each in answer.citations) if short else answer.text
    return Outcome(text or answer.text, answer.abstained, answer.support, resolved, quotes, tokens)


def print_header(cases: Sequence[Case]) -> None:
    """What the columns are."""
    able = sum(not case.is_impossible for case in cases)
    print(f"{len(cases)} questions, {able} answerable; 95 % bootstrap intervals")
    columns = ("F1", "F1 of all", "exact", "AUROC", "told apart", "answered", "wrongly", "quotes", "tokens")
    print(f"{'':11}" + "".join(f"{column:>20}" for column in columns[:4]), end="")
    print("".join(f"{column:>12}" for column in (*columns[4:], "CPU s")), flush=True)


def print_row(name: str, cases: Sequence[Case], outcomes: Sequence[Outcome]) -> None:
    """F1 and exact match of what can be answered, F1 with silence right where nothing can; and so on."""
    able = np.array([not case.is_impossible for case in cases])
    answered = np.array([not each.abstained for each in outcomes])
    scores = worth(cases, outcomes)
    exact = [
        not o.abstained and is_exact(o.text, case.answers) for case, o in zip(cases, outcomes, strict=True)
    ]
    of_all = np.where(able, scores, ~answered)
    support = np.array([each.support for each in outcomes])
    quotes = sum(each.quotes for each in outcomes)
    share = f"{sum(each.resolved for each in outcomes) / quotes:.0%}" if quotes else "none"
    print(f"{name:11}{mean(scores[able])}{mean(of_all)}{mean(np.array(exact)[able])}", end="")
    print(f"{auroc(support, able)}{(answered == able).mean():12.2f}{answered[able].mean():12.2f}", end="")
    print(f"{answered[~able].mean():12.2f}{share:>12}", end="")
    tokens, seconds = (np.median([getattr(o, part) for o in outcomes]) for part in ("tokens", "seconds"))
    print(f"{tokens:12.0f}{seconds:12.2f}", flush=True)


def print_saving(
    budget: int, cases: Sequence[Case], before: Sequence[Outcome], after: Sequence[Outcome]
) -> None:
    """The tokens that shorter passages save, and the difference in F1, question by question."""
    able = np.array([not case.is_impossible for case in cases])
    saved = 1 - sum(each.tokens for each in after) / sum(each.tokens for each in before)
    gain = (worth(cases, after) - worth(cases, before))[able]
    print(f"passages in {budget} tokens: {saved:.0%} of the prompt saved, F1 {mean(gain, sign='+').strip()}")


def worth(cases: Sequence[Case], outcomes: Sequence[Outcome]) -> Values:
    """The F1 of each answer; 0 for silence."""
    pairs = zip(cases, outcomes, strict=True)
    return np.array([0.0 if each.abstained else f1(each.text, case.answers) for case, each in pairs])


def mean(values: NDArray[Any], sign: str = "") -> str:
    """A mean and its interval."""
    (low,), (high,) = interval(np.asarray(values, float)[:, None])
    return f"{f'{values.mean():{sign}.3f} ({low:{sign}.2f} to {high:{sign}.2f})':>20}"


def auroc(scores: Values, right: NDArray[np.bool_]) -> str:
    """The chance that what can be answered has more support than what can't, and its interval."""

    def of(rows: NDArray[np.int64]) -> float:
        good, bad = scores[rows][right[rows]], scores[rows][~right[rows]]
        return float((good[:, None] > bad).mean() + (good[:, None] == bad).mean() / 2)

    chooser = np.random.default_rng(0)
    yes, no = np.flatnonzero(right), np.flatnonzero(~right)
    drawn = [
        np.concatenate([chooser.choice(yes, len(yes)), chooser.choice(no, len(no))]) for _ in range(1000)
    ]
    low, high = np.percentile([of(rows) for rows in drawn], [2.5, 97.5])
    return f"{f'{of(np.arange(len(scores))):.3f} ({low:.2f} to {high:.2f})':>20}"


if __name__ == "__main__":
    main()
