"""`ragent eval metrics`: what can be measured."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from ragent.cli.face import Face, JsonOption


class CaseKind(StrEnum):
    """What a case may ask for."""

    retrieval = "retrieval"
    answer = "answer"
    schema = "schema"
    tools = "tools"
    turns = "turns"


def metrics(
    context: typer.Context,
    kind: Annotated[CaseKind | None, typer.Option("--kind", help="Only those for such cases.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the metrics: for which cases, whether high or low is better, and what each says.

    A number after @ says how many results count: ndcg@10, recall@100, token_recall@5. Packages add metrics
    by an entry point in the group ragent.metrics.
    """
    from ragent_evals.metrics.measuring import EVERY_KIND
    from ragent_evals.metrics.opening import default_metrics, known_metrics

    face = Face(context, as_json=as_json)
    known = [each for each in known_metrics() if kind is None or kind in each.kinds]
    defaults = {each: default_metrics(each) for each in EVERY_KIND if kind in (None, each)}
    if face.as_json:
        face.print_json({"metrics": known, "defaults": defaults})
        return
    for each in known:
        kinds = "all" if len(each.kinds) == len(EVERY_KIND) else ", ".join(each.kinds)
        better = "high" if each.higher_is_better else "low"
        face.console.print(f"{each.name:20} {kinds:18} {better:5} {each.summary}", markup=False)
    for name, wanted in defaults.items():
        face.console.print(f"{name}, where none are named: {', '.join(wanted)}", markup=False)
