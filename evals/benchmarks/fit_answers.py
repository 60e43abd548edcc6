"""Fits the numbers by which `ask` points at short answers and scores their support, and measures them.

    python evals/benchmarks/fit_answers.py FOLDER [--cases 1000] [--model-cases 120] [--write]

FOLDER holds a QA set (`contexts.jsonl`, `questions.jsonl`) of several articles. The second, fourth, … of them
by title are fitted to, the first, third, … only measured on: `evals/benchmarks/answers.py` takes its
questions from those. Every question is asked over its own text and the four others that the search likes
best. With --write, the numbers go to `ragent/rag/fitted.json`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from ragent import Rag
from ragent.prompts import load_prompt
from ragent.protocols import Scoring, Vectors
from ragent.rag.citing import Quote, Sources
from ragent.rag.pointing import SHORTLIST, Pointed, candidates, fitted, weigh
from ragent.rag.reading import Reading
from ragent.rag.support import LIKELIHOOD, Support, probability, question_likelihood
from ragent.types import SearchResult
from ragent_evals.metrics.words import f1, is_exact
from ragent_evals.running.answering import MOST_PASSAGES, scopes, write_texts
from ragent_evals.sets.case import Case
from ragent_evals.sets.choosing import half_of, spread
from ragent_evals.sets.opening import open_set

FEWEST, MOST_SIGNS, RIDGE, SUPPORT_RIDGE = 15, 60, 10.0, 5.0
AGAINST = ("denial", "names missing")
WEIGHTS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3)
FILE = Path(__file__).parents[2] / "ragent" / "rag" / "fitted.json"
Values = NDArray[np.float64]
Bounds = Sequence[tuple[float | None, float | None]]


@dataclass
class Remembering:
    """An embedder that embeds each text once: the same sentences come back with every question."""

    inner: Any
    known: dict[tuple[str, str], Vectors] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """See Embedder."""
        return np.stack(self._all("embed_queries", texts))

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """See Embedder."""
        return np.stack(self._all("embed_documents", texts))

    def embed_tokens(self, texts: Sequence[str]) -> list[Vectors]:
        """See TokenEmbedder."""
        return self._all("embed_tokens", texts)

    def _all(self, how: str, texts: Sequence[str]) -> list[Vectors]:
        if new := [text for text in dict.fromkeys(texts) if (how, text) not in self.known]:
            made = getattr(self.inner, how)(new)
            self.known |= {(how, text): vectors for text, vectors in zip(new, made, strict=True)}
        return [self.known[how, text] for text in texts]


@dataclass(frozen=True)
class Example:
    """A question with every stretch that could answer it, their signs and their F1."""

    case: Case
    reading: Reading
    sources: Sources
    spans: list[tuple[Quote, int, int]]
    signs: list[dict[str, float]]
    worth: Values

    def ranked(self, names: Sequence[str], weights: Values) -> list[Pointed]:
        """Its stretches, best first."""
        scores = matrix(self.signs, names) @ weights
        return [Pointed(*self.spans[i], float(scores[i])) for i in np.argsort(-scores, kind="stable")]


def main() -> None:
    """Fit, measure, and write if asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cases", type=int, default=1000, help="questions to fit to, at most")
    parser.add_argument("--held", type=int, default=400, help="questions to measure on, at most")
    parser.add_argument(
        "--model-cases",
        type=int,
        default=120,
        help="of those fitted to, what a language model reads; 0: its numbers stay as they are",
    )
    parser.add_argument("--write", action="store_true", help=f"write {FILE.name}")
    arguments = parser.parse_args()
    qa = open_set(arguments.folder)
    with tempfile.TemporaryDirectory() as home, Rag.open(Path(home) / "home") as rag:
        write_texts(qa, Path(home) / "texts")
        rag.ingest(Path(home) / "texts")
        texts = Path(home) / "texts"
        fit_on = list(examples(rag, texts, spread(half_of(qa, 1), arguments.cases)))
        held = list(examples(rag, texts, spread(half_of(qa, 0), arguments.held)))
        names, weights = fit_spans(fit_on)
        measure_spans("fitted to", fit_on, names, weights)
        measure_spans("held out", held, names, weights)
        support = fit_support(fit_on, names, weights)
        for label, some in (("fitted to", fit_on), ("held out", held)):
            measure_support(label, some, [one.ranked(names, weights) for one in some], support)
        numbers = {
            "about": f"fit_answers.py on {len(fit_on)} questions of SQuAD 2.0",
            "spans": {name: round(float(each), 4) for name, each in zip(names, weights, strict=True)},
        }
        read = balanced(fit_on, arguments.model_cases)
        numbers |= fit_model(rag, read, names, weights, support) if read else kept(support)
    if arguments.write:
        FILE.write_text(json.dumps(numbers, indent=1, sort_keys=True) + "\n", "utf-8")


def examples(rag: Rag, folder: Path, cases: Sequence[Case]) -> Iterator[Example]:
    """What there is to choose from for each question."""
    embedder = Remembering(rag.embedder)
    for case, scope in zip(cases, scopes(rag, folder, cases), strict=True):
        found: SearchResult = rag.search(case.question, MOST_PASSAGES, where=scope)
        sources = Sources(case.question, found.hits, embedder)  # type: ignore[arg-type]
        reading = Reading(case.question, embedder)  # type: ignore[arg-type]
        all_ = list(candidates(reading, sources))
        worth = np.array([f1(quote.text[start:end], case.answers) for quote, start, end, _ in all_])
        yield Example(case, reading, sources, [each[:3] for each in all_], [each[3] for each in all_], worth)


def kept(support: dict[str, Any]) -> dict[str, Any]:
    """The numbers of the model's say as they are, beside a new support."""
    old = fitted()
    sign = {LIKELIHOOD: old["support"]["signs"][LIKELIHOOD]}
    return {"likelihood": old["likelihood"], "support": support | {"signs": support["signs"] | sign}}


def fit_spans(some: Sequence[Example]) -> tuple[list[str], Values]:
    """Names of the signs that tell most, and their weights: softmax regression on F1 cubed, ridge penalty."""
    able = [one for one in some if not one.case.is_impossible and one.worth.max(initial=0) > 0.3]
    seen = Counter(name for one in able for name in {name for signs in one.signs for name in signs})
    names = sorted(name for name, count in seen.items() if count >= FEWEST)
    weights = softmax_regression(able, names)
    spread = np.concatenate([matrix(one.signs, names) for one in able]).std(axis=0)
    names = sorted(names[i] for i in np.argsort(-abs(weights * spread))[:MOST_SIGNS])
    return names, softmax_regression(able, names)


def softmax_regression(some: Sequence[Example], names: Sequence[str]) -> Values:
    """Weights of unscaled signs; the penalty is on scaled ones."""
    spread = np.concatenate([matrix(one.signs, names) for one in some]).std(axis=0) + 1e-3
    tables = [matrix(one.signs, names) / spread for one in some]
    aims = [one.worth**3 / (one.worth**3).sum() for one in some]

    def loss(weights: Values) -> tuple[float, Values]:
        value, slope = RIDGE / 2 * float(weights @ weights), RIDGE * weights
        for table, aim in zip(tables, aims, strict=True):
            scores = table @ weights
            logs = scores - scores.max() - np.log(np.exp(scores - scores.max()).sum())
            value -= float(aim @ logs)
            slope = slope + table.T @ (np.exp(logs) - aim)
        return value, slope

    start = np.zeros(len(names))
    found: Values = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 80}).x
    return found / spread


def fit_support(some: Sequence[Example], names: Sequence[str], weights: Values) -> dict[str, Any]:
    """Logistic regression of whether the quote of the best stretch holds an answer.

    A sign counts the way it is meant or not at all: two that are alike could else turn against each other.
    """
    pairs = [(one, ranked[0]) for one in some if (ranked := one.ranked(names, weights))]
    rows = [signs_of(one, best) for one, best in pairs]
    right = np.array([holds(one, best) for one, best in pairs], float)
    keys = sorted({name for row in rows for name in row})
    table = matrix(rows, keys)
    mean, spread = table.mean(axis=0), table.std(axis=0) + 1e-6
    bounds = [(None, 0.0) if key in AGAINST else (0.0, None) for key in keys]
    coefficients = logistic((table - mean) / spread, right, np.zeros(len(right)), bounds)
    return {
        "bias": round(float(coefficients[0]), 4),
        "signs": {
            key: {
                "mean": round(float(mean[i]), 4),
                "weight": round(float(coefficients[i + 1] / spread[i]), 4),
            }
            for i, key in enumerate(keys)
        },
    }


def logistic(table: Values, right: Values, offset: Values, bounds: Bounds) -> Values:
    """Intercept and coefficients, with bounds and a ridge penalty on the latter."""
    rows = np.column_stack([np.ones(len(table)), table])
    penalty = np.array([0.0] + [SUPPORT_RIDGE] * table.shape[1])

    def loss(weights: Values) -> tuple[float, Values]:
        logit = rows @ weights + offset
        value = np.logaddexp(0, logit).sum() - right @ logit + (penalty * weights**2).sum() / 2
        return float(value), rows.T @ (1 / (1 + np.exp(-logit)) - right) + penalty * weights

    limits = [(None, None), *bounds]
    found: Values = minimize(loss, np.zeros(rows.shape[1]), jac=True, method="L-BFGS-B", bounds=limits).x
    return found


def fit_model(
    rag: Rag, some: Sequence[Example], names: Sequence[str], weights: Values, support: dict[str, Any]
) -> dict[str, Any]:
    """The language model's say: its weight among stretches, and that of the question's likelihood."""
    model = rag.llm
    assert isinstance(model, Scoring)
    worths, rows, right = [], [], []
    for one in some:
        best = one.ranked(names, weights)[:SHORTLIST]
        orders = [weigh(best, one.case.question, load_prompt("point"), model, 1.0)[0]]
        said = {(p.quote.start, p.start, p.end, p.quote.hit.rank): p.score for p in orders[0]}
        likely = np.array([said[p.quote.start, p.start, p.end, p.quote.hit.rank] - p.score for p in best])
        scores = np.array([p.score for p in best])
        worths.append([f1(best[int((scores + w * likely).argmax())].text, one.case.answers) for w in WEIGHTS])
        chosen = best[int((scores + 0.15 * likely).argmax())]
        asked_back, _ = question_likelihood(
            one.case.question, chosen.quote.text, load_prompt("ask-back"), model
        )
        rows.append(signs_of(one, chosen) | {LIKELIHOOD: asked_back})
        right.append(holds(one, chosen))
    able = [worth for worth, one in zip(worths, some, strict=True) if not one.case.is_impossible]
    means = np.mean(able, axis=0)
    print("F1 by the model's weight:", dict(zip(WEIGHTS, means.round(3).tolist(), strict=True)))
    asked_backs = np.array([row[LIKELIHOOD] for row in rows])
    offset = np.array([np.log(p / (1 - p)) for p in (probability(row, support) for row in rows)])
    mean, spread = asked_backs.mean(), asked_backs.std()
    _, slope = logistic(
        ((asked_backs - mean) / spread)[:, None], np.array(right, float), offset, [(0.0, None)]
    )
    print(f"AUROC of support by itself {auroc(offset, right):.3f}, ", end="")
    print(
        f"with the likelihood {auroc(offset + slope / spread * (asked_backs - mean), right):.3f} (fitted to)"
    )
    sign = {"mean": round(float(mean), 4), "weight": round(float(slope / spread), 4)}
    return {
        "likelihood": WEIGHTS[int(means.argmax())],
        "support": support | {"signs": support["signs"] | {LIKELIHOOD: sign}},
    }


def measure_spans(label: str, some: Sequence[Example], names: Sequence[str], weights: Values) -> None:
    """Print F1 and exact match over what can be answered."""
    able = [one for one in some if not one.case.is_impossible]
    texts = [ranked[0].text if (ranked := one.ranked(names, weights)) else "" for one in able]
    score = np.mean([f1(text, one.case.answers) for text, one in zip(texts, able, strict=True)])
    exact = np.mean([is_exact(text, one.case.answers) for text, one in zip(texts, able, strict=True)])
    print(f"{label}: F1 {score:.3f}, exact {exact:.3f} over {len(able)} questions, no language model")


def measure_support(
    label: str, some: Sequence[Example], ranked: Sequence[list[Pointed]], support: dict[str, Any]
) -> None:
    """Print how well the support tells quotes that hold an answer, and questions that can be answered."""
    pairs = [(one, each[0]) for one, each in zip(some, ranked, strict=True) if each]
    scores = np.array([probability(signs_of(one, best), support) for one, best in pairs])
    able = auroc(scores, [not one.case.is_impossible for one, _ in pairs])
    right = auroc(scores, [holds(one, best) for one, best in pairs])
    print(f"{label}: AUROC {able:.3f} of answerable, {right:.3f} of a right quote, {len(pairs)} questions")


def signs_of(one: Example, best: Pointed) -> dict[str, float]:
    """What speaks for the quote of a stretch."""
    return Support(one.reading, one.sources, {}).signs(best.quote)


def holds(one: Example, best: Pointed) -> bool:
    """Whether the quote holds an expected answer."""
    return any(answer.lower() in best.quote.text.lower() for answer in one.case.answers)


def auroc(scores: Values, right: Sequence[bool]) -> float:
    """The chance that one of the right scores above one of the wrong."""
    chosen = np.array(right, bool)
    good, bad = scores[chosen], scores[~chosen]
    return float((good[:, None] > bad).mean() + (good[:, None] == bad).mean() / 2)


def balanced(some: Sequence[Example], count: int) -> list[Example]:
    """So many, half of them answerable, spread over all."""
    parts = [[one for one in some if one.case.is_impossible != able] for able in (True, False)]
    half = count // 2
    return [one for part in parts for one in part[:: max(1, len(part) // max(1, half))][:half]]


def matrix(rows: Sequence[dict[str, float]], names: Sequence[str]) -> Values:
    """One row for each, one column a name; what isn't there is 0."""
    return np.array([[row.get(name, 0.0) for name in names] for row in rows], float).reshape(-1, len(names))


if __name__ == "__main__":
    main()
