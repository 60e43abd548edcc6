"""`ragent eval match`: measure how well rows of two tables are matched."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from ragent.cli.face import Face, JsonOption


def match(
    context: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="JSON Lines of {left, right, label}.", show_default=False),
    ],
    threshold: Annotated[
        float, typer.Option("--threshold", min=0, max=1, help="The probability from which a pair matches.")
    ] = 0.5,
    as_json: JsonOption = False,
) -> None:
    """Measure entity matching on labelled pairs: precision, recall and F1 of `ragent match`'s scoring.

    The labels are only counted with: no part of the method sees them. One JSON Line a file with --json.
    """
    from ragent_evals.metrics.matching import measure_matching
    from ragent_evals.sets.pairs import read_pairs

    face = Face(context, None, None, as_json)
    for path in files:
        began = time.perf_counter()
        pairs = read_pairs(path)
        metrics = measure_matching(pairs, threshold)
        seconds = round(time.perf_counter() - began, 3)
        if face.as_json:
            counts = {"cases": len(pairs.labels), "positive": sum(pairs.labels)}
            face.print_json({"set": pairs.name, **counts, "metrics": metrics, "seconds": seconds})
            continue
        told = "  ".join(
            f"{name} {of.value:.3f} ({of.low:.3f} to {of.high:.3f})" for name, of in metrics.items()
        )
        face.console.print(
            f"{pairs.name}: {told}  [{len(pairs.labels)} pairs, {seconds:.1f} s]", markup=False
        )
