"""Whether the measures of retrieval are trec_eval's, to 1e-9, on sets in the BEIR layout.

    python evals/benchmarks/trec_equality.py FOLDER[:SPLIT]...

The split is `test` where none is named. Each text is cut in two passages and searched by keyword, 200
passages a query. The results go through ragent's metrics as the outcomes of cases, and through pytrec_eval by
itself; then once more with scores rounded to whole numbers, so that many are the same. Ends with 1 if any
query differs.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytrec_eval

from ragent.index.keyword import KeywordIndex
from ragent.store import IndexedText
from ragent_evals.metrics.metric import Metric, MetricContext
from ragent_evals.metrics.opening import open_metrics
from ragent_evals.outcome import Found, Outcome
from ragent_evals.sets.beir import BeirSet, read_beir
from ragent_evals.sets.case import Case

DEPTH, AT_ONCE, NEAR = 200, 1000, 1e-9
THEIRS = {
    "ndcg@10": "ndcg_cut_10",
    "recall@10": "recall_10",
    "recall@100": "recall_100",
    "precision@10": "P_10",
    "mrr@10": "recip_rank",
    "map": "map",
}


def main() -> None:
    """Print the mean of each measure by both, and the largest difference of a query."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sets", nargs="+", metavar="FOLDER[:SPLIT]")
    worst = 0.0
    for name in parser.parse_args().sets:
        folder, _, split = name.partition(":")
        beir = read_beir(Path(folder), split or "test")
        found = search(beir)
        rounded = [tuple(replace(each, score=float(round(each.score))) for each in some) for some in found]
        worst = max(worst, compare(beir, found, ""), compare(beir, rounded, ", rounded"))
    sys.exit(worst > NEAR)


def search(beir: BeirSet) -> list[tuple[Found, ...]]:
    """The best passages of each query."""
    index, ids = KeywordIndex(None), list(beir.lines)
    passages = [half for id_ in ids for half in halves(json.loads(beir.lines[id_]))]
    texts = [IndexedText(number, "", "", text) for number, text in enumerate(passages)]
    portions = (texts[first : first + AT_ONCE] for first in range(0, len(texts), AT_ONCE))
    index.update(np.empty(0, np.int64), portions)
    found = []
    for query in beir.queries.values():
        numbers, scores = index.search(query, DEPTH)
        best = zip(numbers.tolist(), scores.tolist(), strict=True)
        found.append(tuple(Found(ids[number // 2], score, 0, 0, "") for number, score in best))
    return found


def halves(line: dict[str, str]) -> tuple[str, str]:
    """A text's passages, the first with its title."""
    text = line.get("text") or ""
    return f"{line.get('title') or ''} {text[: len(text) // 2]}", text[len(text) // 2 :]


def compare(beir: BeirSet, found: Sequence[tuple[Found, ...]], how: str) -> float:
    """Print a row a measure; the largest difference of any query in any measure."""
    cases = [
        Case(query, "retrieval", text, relevant=beir.qrels[query]) for query, text in beir.queries.items()
    ]
    outcomes = [Outcome(case.id, found=some) for case, some in zip(cases, found, strict=True)]
    run: dict[str, dict[str, float]] = {case.id: {} for case in cases}
    for case, some in zip(cases, found, strict=True):
        for each in some:
            run[case.id][each.text_id] = max(each.score, run[case.id].get(each.text_id, -np.inf))
    judged = {query: dict(grades) for query, grades in beir.qrels.items()}
    theirs = pytrec_eval.RelevanceEvaluator(judged, set(THEIRS.values())).evaluate(run)
    ties = sum(len(scores) - len(set(scores.values())) for scores in run.values())
    print(f"{beir.name}{how}: {len(cases)} queries, {ties} ties")
    largest = 0.0
    for metric in open_metrics(list(THEIRS), MetricContext({}, refuse, refuse)):
        assert isinstance(metric, Metric)
        ours = np.array(metric.values(cases, outcomes), np.float64)
        other = np.array([theirs.get(case.id, {}).get(THEIRS[metric.name], 0.0) for case in cases])
        if metric.name == "mrr@10":
            other[other < 1 / 10] = 0
        difference = float(np.abs(ours - other).max())
        largest = max(largest, difference)
        print(
            f"  {metric.name:14}{ours.mean():10.6f}{other.mean():10.6f}   largest difference {difference:.1e}"
        )
    return largest


def refuse() -> NoReturn:
    """No model is needed here."""
    raise AssertionError("a measure of retrieval opened a model")


if __name__ == "__main__":
    main()
