"""`ragent eval`: measure what ragent finds."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from ragent.cli.face import CollectionOption, Face, HomeOption, JsonOption
from ragent.cli.search import Mode
from ragent.config import CONFIG_NAME
from ragent.errors import EvalError
from ragent.types import QueryKind
from ragent_evals import agent_commands

app = typer.Typer(help="Measure ragent on sets of questions and documents.", no_args_is_help=True)
app.command()(agent_commands.tools)
app.command()(agent_commands.agent)


@app.callback()
def evaluate() -> None:
    """Measure ragent on sets of questions and documents."""


@app.command()
def beir(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(help="corpus.jsonl, queries.jsonl and qrels/.", show_default=False)
    ],
    split: Annotated[str, typer.Option(help="Which qrels/SPLIT.tsv.")] = "test",
    k: Annotated[int, typer.Option("-k", "--k", min=1, help="How many documents a query.")] = 100,
    mode: Annotated[Mode | None, typer.Option("--mode", help="Which engines search [hybrid].")] = None,
    run: Annotated[
        Path | None, typer.Option("--run", metavar="FILE", help="The TREC run [HOME/runs/SET-SPLIT.trec].")
    ] = None,
    home: HomeOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure retrieval on a set in the BEIR layout.

    The corpus goes into a collection of its own, named by its contents and the settings: a second run finds
    it there.
    """
    from ragent.rag import Rag
    from ragent.retrieval import write_scores
    from ragent_evals.beir import read_beir
    from ragent_evals.measures import measure
    from ragent_evals.retrieval import cache_name, ingest_corpus, run_queries

    began = time.perf_counter()
    face = Face(context, home, collection, as_json)
    beir_set = read_beir(folder, split)
    with face.rag() as configured:
        settings = configured.settings
    if face.collection is None:
        settings = settings.model_copy(update={"collection": cache_name(beir_set, settings)})
    with Rag(configured.home, settings) as rag, face.messages.status("reading") as status:
        empty = ingest_corpus(
            rag, beir_set, lambda now: status.update(f"ingesting {now.done} of {now.total} documents")
        )
        status.update("searching")
        scores = run_queries(rag, beir_set, k, mode.value if mode else None)
    path = run or configured.home / "runs" / f"{beir_set.name}-{split}.trec"
    write_scores(path, scores)
    report = {
        "set": beir_set.name,
        "split": split,
        "cases": len(scores),
        "metrics": measure(scores, beir_set.qrels, k),
        "seconds": round(time.perf_counter() - began, 3),
        "run": path,
        "documents": len(beir_set.lines),
        "empty": empty,
    }
    if face.as_json:
        face.print_json(report)
    else:
        _print(face, report)


@app.command()
def tune(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(help="corpus.jsonl, queries.jsonl and qrels/.", show_default=False)
    ],
    split: Annotated[str, typer.Option(help="Which qrels/SPLIT.tsv; not the test split.")] = "train",
    write: Annotated[bool, typer.Option("--write", help="Write the weights to ragent.toml.")] = False,
    home: HomeOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fit the weights of meaning against words to a set, and say what they gain on queries they didn't see.

    The corpus goes into a collection of its own, as for `ragent eval beir`.
    """
    from ragent.config import find_config
    from ragent.rag import Rag
    from ragent_evals.beir import read_beir
    from ragent_evals.retrieval import cache_name, ingest_corpus
    from ragent_evals.settings_file import write_settings
    from ragent_evals.tuning import Weights, judge
    from ragent_evals.tuning import tune as tune_weights

    if "test" in split.lower():
        raise EvalError(
            f"the split {split!r} is there to test: weights fitted to it would make its figures worthless",
            hint="--split train, or dev",
        )
    began = time.perf_counter()
    face = Face(context, home, collection, as_json)
    beir_set = read_beir(folder, split)
    with face.rag() as configured:
        settings = configured.settings
    if face.collection is None:
        settings = settings.model_copy(update={"collection": cache_name(beir_set, settings)})
    with Rag(configured.home, settings) as rag, face.messages.status("reading") as status:
        ingest_corpus(
            rag, beir_set, lambda now: status.update(f"ingesting {now.done} of {now.total} documents")
        )
        status.update("searching")
        judged = judge(rag, beir_set)
    now = Weights(settings.retrieval.dense_weight, dict(settings.retrieval.dense_weights))
    tuned = tune_weights(judged, now)
    values = {
        "dense_weight": f"{tuned.weights.dense_weight:g}",
        "dense_weights": _inline(tuned.weights.dense_weights),
    }
    path = (face.config or find_config(configured.home) or configured.home / CONFIG_NAME) if write else None
    if path:
        write_settings(path, "retrieval", values)
    report = {
        "set": beir_set.name,
        "split": split,
        "cases": len(beir_set.queries),
        "kinds": tuned.kinds,
        "metrics": {"before": tuned.before, "after": tuned.after, "gain": tuned.gain},
        "weights": {"dense_weight": tuned.weights.dense_weight, "dense_weights": tuned.weights.dense_weights},
        "seconds": round(time.perf_counter() - began, 3),
        "written": path,
    }
    if face.as_json:
        face.print_json(report)
    else:
        _print_tuned(face, report, values)


@app.command()
def calibrate(
    context: typer.Context,
    questions: Annotated[
        Path,
        typer.Argument(
            metavar="SET", help="questions.jsonl, its folder, or SQuAD's JSON.", show_default=False
        ),
    ],
    error: Annotated[
        float, typer.Option("--error", min=0.001, max=0.999, help="Most questions answered wrongly.")
    ] = 0.1,
    cases: Annotated[
        int, typer.Option("--cases", min=1, help="Ask so many, spread over the set, at most.")
    ] = 500,
    write: Annotated[bool, typer.Option("--write", help="Write the threshold to ragent.toml.")] = False,
    home: HomeOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the support below which ask should abstain, for a chosen share of wrong answers.

    SET holds questions like yours, with their answers, and some that your documents can't answer. Texts that
    come with it (contexts.jsonl) go into a collection of their own; without any, the questions are asked of
    the collection in use. The share of all questions that get a wrong answer then stays below --error, for
    questions of that kind (conformal risk control).
    """
    from ragent.config import find_config
    from ragent.rag import Rag
    from ragent_evals import calibrating
    from ragent_evals.qa import read_qa, spread
    from ragent_evals.settings_file import write_settings

    began = time.perf_counter()
    face = Face(context, home, collection, as_json)
    qa = read_qa(questions)
    asked = spread(qa.cases, cases)
    with face.rag() as configured:
        settings = configured.settings
    changed: dict[str, Any] = {"ask": settings.ask.model_copy(update={"abstain_below": 0.0})}
    if qa.texts and face.collection is None:
        changed["collection"] = calibrating.cache_name(qa.texts, settings)
    with (
        Rag(configured.home, settings.model_copy(update=changed)) as rag,
        face.messages.status("reading") as status,
    ):
        if qa.texts:
            calibrating.ingest_texts(rag, qa)
        judged = calibrating.judge(
            rag, asked, lambda done: status.update(f"asked {done} of {len(asked)} questions")
        )
    found = calibrating.calibrate(judged, error)
    path = (face.config or find_config(configured.home) or configured.home / CONFIG_NAME) if write else None
    line = (
        f"{found.threshold:g}  # at most {error:.1%} answered wrongly: {qa.name}, {len(asked)} questions, "
        f"style {settings.ask.style}, {time.strftime('%Y-%m-%d')}"
    )
    if path:
        write_settings(path, "ask", {"abstain_below": line})
    if face.as_json:
        report = {"set": qa.name, "cases": len(asked), "error": error, **asdict(found), "written": path}
        face.print_json(report | {"seconds": round(time.perf_counter() - began, 3)})
        return
    face.console.print(
        f"answered {found.answered:.1%} of {len(asked)} questions, wrongly {found.wrong:.1%}"
        f" ({found.wrong_of_answered:.1%} of the answers)",
        markup=False,
    )
    where = f"wrote {path}" if path else f"\n[ask]\nabstain_below = {line}"
    face.console.print(where, markup=False)


def _inline(weights: Mapping[QueryKind, float]) -> str:
    return "{" + ", ".join(f"{kind} = {weight:g}" for kind, weight in weights.items()) + "}"


def _print_tuned(face: Face, report: Mapping[str, Any], values: Mapping[str, str]) -> None:
    from rich.table import Table

    table = Table("nDCG@10", "value", "95 % interval", box=None)
    for name, estimate in report["metrics"].items():
        table.add_row(name, f"{estimate.value:.4f}", f"{estimate.low:.4f} to {estimate.high:.4f}")
    face.console.print(table)
    kinds = ", ".join(f"{count} {kind}" for kind, count in report["kinds"].items())
    face.console.print(
        f"{report['cases']} queries ({kinds}); after: cross-validated in five parts", markup=False
    )
    if report["metrics"]["gain"].low <= 0:
        face.messages.print("the gain may be chance: its interval holds zero", style="yellow")
    if report["written"]:
        face.console.print(f"wrote {report['written']}", markup=False)
    else:
        lines = "".join(f"\n{key} = {value}" for key, value in values.items())
        face.console.print(f"\n[retrieval]{lines}", markup=False)


def _print(face: Face, report: Mapping[str, Any]) -> None:
    from rich.table import Table

    table = Table("measure", "value", "95 % interval", box=None)
    for name, estimate in report["metrics"].items():
        table.add_row(name, f"{estimate.value:.4f}", f"{estimate.low:.4f} to {estimate.high:.4f}")
    face.console.print(table)
    face.console.print(
        f"{report['set']} ({report['split']}): {report['cases']} queries over {report['documents']} "
        f"documents ({report['empty']} empty) in {report['seconds']:.1f} s; run in {report['run']}",
        markup=False,
    )
