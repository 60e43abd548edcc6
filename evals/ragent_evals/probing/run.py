"""Runs probes of a set, and keeps the run as any other: two kept runs of probes can be compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ragent.errors import EvalError
from ragent.prompts import load_prompt
from ragent.rag import Rag
from ragent_evals.probing.material import gather, narrowed
from ragent_evals.probing.probes import PROBES, joined, paraphrase
from ragent_evals.probing.rephrasing import rephrased
from ragent_evals.probing.table import Row, table
from ragent_evals.running.reading import read_kept
from ragent_evals.running.runner import RunOptions, run_on
from ragent_evals.running.sitting import Progress
from ragent_evals.running.texts import prepared
from ragent_evals.sets.case import EvalSet

METRICS = ("f1", "answered", "quote_exactness")


@dataclass(frozen=True, slots=True)
class Probed:
    """The rows, and the ids of the kept runs that they are of."""

    rows: tuple[Row, ...]
    runs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProbeOptions:
    """What to probe with.

    Attributes:
        probes: their names; (): all of them.
        cases: how many questions each of them takes, at most.
        texts: how many texts of the set are ingested, with those that answer; None: all of them.
        by_model: whether a model rephrases the questions, too.
        on_progress: told how far it is.
    """

    probes: tuple[str, ...] = ()
    cases: int = 40
    texts: int | None = None
    by_model: bool = True
    on_progress: Callable[[Progress], None] = lambda progress: None


def probed_sets(rag: Rag, of: EvalSet, options: ProbeOptions) -> list[EvalSet]:
    """The sets that the probes make of another: those over its texts, and those over changed texts, apart.

    Raises:
        EvalError: there is no such probe, or the set has no case that it could take.
    """
    if unknown := [name for name in options.probes if name not in PROBES]:
        raise EvalError(f"there is no probe {unknown[0]!r}", hint=f"--probes: {', '.join(PROBES)}")
    of = of if options.texts is None else narrowed(of, options.cases, options.texts)
    with prepared(rag, of) as ground:
        material = gather(ground, of, options.cases)
    by_corpus: dict[str, list[EvalSet]] = {}
    for name in options.probes or _possible(of):
        if name == "paraphrase" and options.by_model:
            template = load_prompt("paraphrase", rag.home / "prompts")
            made = paraphrase(material, rephrased(rag.llm, template, material.of.cases))
        else:
            made = PROBES[name](material)
        by_corpus.setdefault(made.corpus, []).append(made)
    # A search must not find what was changed for another probe.
    return [joined(sets) for sets in by_corpus.values()]


def probe(rag: Rag, of: EvalSet, options: ProbeOptions) -> Probed:
    """Probe `ask` with a set, or go on with runs of its probes that weren't finished.

    Raises:
        EvalError: as `probed_sets` does.
        RagentError: a model or documents aren't there.
    """
    rows: list[Row] = []
    runs = []
    for made in probed_sets(rag, of, options):
        probes = dict.fromkeys(case.slices["probe"] for case in made.cases)
        with prepared(rag, made) as ground:
            name = f"{of.name}: {', '.join(probes)}"
            report = run_on(
                ground, made, RunOptions(name=name, metrics=METRICS, on_progress=options.on_progress)
            )
        kept = read_kept(rag.store, report.run)
        rows += table(kept.cases, kept.outcomes)
        runs.append(report.run)
    return Probed(tuple(rows), tuple(runs))


def _possible(of: EvalSet) -> Sequence[str]:
    """All probes; without texts of its own, a set has none that could be changed."""
    return [name for name in PROBES if of.texts or name != "contradiction"]
