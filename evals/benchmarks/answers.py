"""How good and how quick answers are: with whole passages, with focused ones, with quotes, without a model.

    python evals/benchmarks/answers.py FOLDER [--cases 60]

FOLDER holds a QA set: `contexts.jsonl` of {_id, text} and `questions.jsonl` of {id, question, answers,
is_impossible}. All contexts are ingested into a temporary home; every question goes through retrieval, the
model and the check of its citations. All variants answer the same questions in the same run.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import string
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ragent import Answer, Rag

VARIANTS: dict[str, dict[str, Any]] = {
    "whole passages": {"focus_tokens": 0},
    "focused, 256 tokens": {"focus_tokens": 256},
    "focused, 128 tokens": {"focus_tokens": 128},
    "quotes first, 128": {"focus_tokens": 128, "style": "quote"},
    "extracts, no model": {"style": "extract"},
}


def main() -> None:
    """Print a table of the variants."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--cases", type=int, default=60, help="half of them unanswerable, where the set has such"
    )
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--variant", action="append", choices=VARIANTS, help="these only; may be repeated")
    arguments = parser.parse_args()
    cases = sample(read_lines(arguments.folder / "questions.jsonl"), arguments.cases)
    with tempfile.TemporaryDirectory() as home:
        documents = Path(home) / "documents"
        documents.mkdir()
        for context in read_lines(arguments.folder / "contexts.jsonl"):
            (documents / f"{context['_id']}.txt").write_text(context["text"], "utf-8")
        print(f"{'':22} {'F1':>6} {'cited':>6} {'answered':>9} {'answered':>9} {'tokens':>7} {'CPU s':>6}")
        print(f"{'':22} {'':>6} {'right':>6} {'wrongly':>9} {'rightly':>9} {'read':>7} {'each':>6}")
        for name in arguments.variant or VARIANTS:
            settings = {"ask": VARIANTS[name], "llm": {"max_tokens": arguments.max_tokens}}
            with Rag.open(Path(home) / "home", **settings) as rag:
                rag.ingest(documents)
                print_row(name, cases, *answer_all(rag, cases))


def answer_all(rag: Rag, cases: Sequence[dict[str, Any]]) -> tuple[list[Answer], list[float]]:
    """The answers, and the CPU seconds that each took."""
    answers, seconds = [], []
    for case in cases:
        began = time.process_time()
        answers.append(rag.ask(case["question"]))
        seconds.append(time.process_time() - began)
    return answers, seconds


def print_row(
    name: str, cases: Sequence[dict[str, Any]], answers: Sequence[Answer], seconds: Sequence[float]
) -> None:
    """One variant: F1 and citations over what is answerable, and how often it answered."""
    pairs = list(zip(cases, answers, strict=True))
    able = [(case, answer) for case, answer in pairs if not case["is_impossible"]]
    unable = [answer for case, answer in pairs if case["is_impossible"]]
    f1 = statistics.mean(best_f1(answer, case["answers"]) for case, answer in able)
    cited = statistics.mean(cites(answer, case["answers"]) for case, answer in able)
    rightly = statistics.mean(not answer.abstained for _, answer in able)
    wrongly = statistics.mean(not answer.abstained for answer in unable) if unable else float("nan")
    read = [answer.usage.prompt_tokens for answer in answers if answer.usage.prompt_tokens]
    tokens = statistics.median(read) if read else 0
    took = statistics.median(seconds)
    print(f"{name:22} {f1:6.3f} {cited:6.2f} {wrongly:9.2f} {rightly:9.2f} {tokens:7.0f} {took:6.1f}")


def best_f1(answer: Answer, expected: Sequence[str]) -> float:
    """Token F1 with the likest expected answer (SQuAD's definition); 0 for an abstention."""
    if answer.abstained:
        return 0.0
    return max((f1_score(re.sub(r"\[\d+\]", "", answer.text), each) for each in expected), default=0.0)


def cites(answer: Answer, expected: Sequence[str]) -> bool:
    """Whether a quote holds an expected answer."""
    quotes = " ".join(citation.quote for citation in answer.citations).lower()
    return any(each.lower() in quotes for each in expected)


def f1_score(given: str, expected: str) -> float:
    """Harmonic mean of token precision and recall."""
    left, right = normalize(given), normalize(expected)
    common = sum((Counter(left) & Counter(right)).values())
    return 2 * common / (len(left) + len(right)) if common else 0.0


def normalize(text: str) -> list[str]:
    """Lower-cased words without articles and punctuation."""
    text = text.lower().translate(str.maketrans("", "", string.punctuation))
    return [word for word in text.split() if word not in {"a", "an", "the"}]


def sample(cases: Sequence[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """The same cases every time, half of them unanswerable where there are enough."""
    chooser = random.Random(0)
    unable = [case for case in cases if case["is_impossible"]]
    able = [case for case in cases if not case["is_impossible"]]
    some = chooser.sample(unable, min(len(unable), count // 2))
    return some + chooser.sample(able, min(len(able), count - len(some)))


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON Lines file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


if __name__ == "__main__":
    main()
