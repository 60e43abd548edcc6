"""How well `relevance` tells questions that the documents can answer from questions about something else.

    python evals/benchmarks/relevance.py FOLDER [--fit]

FOLDER holds a QA set: `contexts.jsonl` of {_id, title, text} and `questions.jsonl` of {id, question,
context_id, is_impossible}. Its articles (titles) are dealt into two halves, each a collection of its own.
Answerable questions are asked of their own half, where something relevant is, and of the other, where
nothing is. With --fit, a logistic regression of the two signs gives the numbers of
`ragent/retrieval/relevance.py`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ragent import Rag, SearchResult

THRESHOLDS = (0.02, 0.05, 0.1, 0.2, 0.5)


def main() -> None:
    """Print how many questions of each kind pass each threshold."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cases", type=int, default=800)
    parser.add_argument("--fit", action="store_true")
    arguments = parser.parse_args()
    contexts = read_lines(arguments.folder / "contexts.jsonl")
    titles = sorted({context["title"] for context in contexts})
    half_of = {context["_id"]: titles.index(context["title"]) % 2 for context in contexts}
    asked = [case for case in read_lines(arguments.folder / "questions.jsonl") if not case["is_impossible"]]
    asked = asked[:: max(1, len(asked) // arguments.cases)]
    own, other = [], []
    with tempfile.TemporaryDirectory() as home:
        for half in (0, 1):
            with fill(Path(home), half, [c for c in contexts if half_of[c["_id"]] == half]) as rag:
                for case, result in zip(
                    asked, rag.search_many([c["question"] for c in asked], 6), strict=True
                ):
                    (own if half_of[case["context_id"]] == half else other).append(result)
    report(own, other)
    if arguments.fit:
        fit(own, other)


def fill(home: Path, half: int, contexts: Sequence[dict[str, Any]]) -> Rag:
    """A collection of these contexts."""
    folder = home / f"documents-{half}"
    folder.mkdir()
    for context in contexts:
        (folder / f"{context['_id']}.txt").write_text(context["text"], "utf-8")
    rag = Rag.open(home / "home", collection=f"half-{half}")
    rag.ingest(folder)
    return rag


def report(own: Sequence[SearchResult], other: Sequence[SearchResult]) -> None:
    """Shares of questions that pass, and the chance that a relevant one scores above an irrelevant one."""
    right, wrong = (np.array([result.relevance for result in some]) for some in (own, other))
    above = (right[:, None] > wrong[None]).mean() + (right[:, None] == wrong[None]).mean() / 2
    print(f"AUROC {above:.3f} over {len(right)} + {len(wrong)} questions")
    print("min_relevance   answered where it can be   answered where it can't be")
    for threshold in THRESHOLDS:
        print(f"{threshold:13} {(right >= threshold).mean():26.3f} {(wrong >= threshold).mean():28.3f}")


def fit(own: Sequence[SearchResult], other: Sequence[SearchResult]) -> None:
    """Print the regression's coefficients."""
    from sklearn.linear_model import LogisticRegression

    signs = [(result.plan["cosine"], result.plan["coverage"]) for result in [*own, *other]]
    model = LogisticRegression(C=100).fit(signs, [1] * len(own) + [0] * len(other))
    print("bias, cosine, coverage:", model.intercept_.round(1), model.coef_.round(1))


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON Lines file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


if __name__ == "__main__":
    main()
