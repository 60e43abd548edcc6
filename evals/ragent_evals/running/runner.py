"""Runs a set: each case through ragent once, whatever happens on the way, and what came of it kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from ragent.errors import EvalError
from ragent.rag import Rag
from ragent.store.evals import change_eval_run, outcomes_of, put_values
from ragent_evals.estimates import Estimate
from ragent_evals.metrics.metric import MetricContext
from ragent_evals.metrics.opening import default_metrics, open_metrics
from ragent_evals.outcome import Outcome
from ragent_evals.running.configuration import configuration
from ragent_evals.running.measuring import Figure, Measured, measure
from ragent_evals.running.reading import outcomes_by_case
from ragent_evals.running.sitting import Manner, Progress, Sitting, sit_down
from ragent_evals.running.subjects import Subject, may_decline, open_subject
from ragent_evals.running.texts import Ground, prepared, reader
from ragent_evals.sets.case import EvalSet, Kind


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How to run a set.

    Attributes:
        name: what to call the run; "": as its set.
        split: the part of the set that it is, to be noted.
        seed: of whatever the model draws by chance; None: as the settings say.
        parallel: how many cases at once.
        depth: how many passages a search gives.
        metrics: their names; (): those for the kinds of cases.
        fresh: begin anew, even where a run of the same is unfinished.
        cached: take what another run found for a case under the same configuration.
        should_stop: asked between cases; a run that was stopped goes on when it is run again.
        on_progress: told how far it is, some times a second.
    """

    name: str = ""
    split: str = ""
    seed: int | None = None
    parallel: int = 1
    depth: int = 100
    metrics: tuple[str, ...] = ()
    fresh: bool = False
    cached: bool = True
    should_stop: Callable[[], bool] = lambda: False
    on_progress: Callable[[Progress], None] = lambda progress: None


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run came to.

    Attributes:
        set: the set's name.
        split: the part of it.
        cases: how many are done.
        metrics: the figures with their 95 % intervals; none before all cases are done.
        seconds: what it took, all sittings together.
        run: its id.
        total: how many cases there are.
        errors: how many cases came to nothing.
        resumed: how many were done before.
        cached: how many another run had done.
        slices: the figures by slice: its name, its value, the metric.
    """

    set: str
    split: str
    cases: int
    metrics: Mapping[str, Estimate]
    seconds: float
    run: str
    total: int
    errors: int = 0
    resumed: int = 0
    cached: int = 0
    slices: Mapping[str, Mapping[str, Mapping[str, Estimate]]] = field(default_factory=dict)

    @property
    def is_finished(self) -> bool:
        return self.cases == self.total


def run_set(rag: Rag, eval_set: EvalSet, options: RunOptions | None = None) -> RunReport:
    """Run a set through ragent, or go on with the run of it that is unfinished, and measure what came of it.

    A case's error is its outcome, and stops nothing. A process that is killed loses the cases in hand alone:
    the next run of the same set under the same configuration and seed goes on.

    Raises:
        EvalError: the set has no cases, another process is at the same run, or a metric failed.
        RagentError: what the cases need isn't there: a model, documents, a metric.
    """
    options = options or RunOptions()
    with prepared(seeded(rag, options.seed), eval_set) as ground:
        return run_on(ground, eval_set, options)


def seeded(rag: Rag, seed: int | None) -> Rag:
    """The same with another seed for its model."""
    if seed is None:
        return rag
    llm = rag.settings.llm.model_copy(update={"seed": seed})
    return rag.with_settings(rag.settings.model_copy(update={"llm": llm}))


def run_on(
    ground: Ground,
    eval_set: EvalSet,
    options: RunOptions,
    subjects: Mapping[Kind, Subject] | None = None,
) -> RunReport:
    """Like `run_set`, on what is prepared already; with subjects of one's own, by kind of case, if given.

    Raises as `run_set` does.
    """
    if not eval_set.cases:
        raise EvalError(f"{eval_set.name} has no cases", hint="is it another split's?")
    rag = ground.rag
    kinds = list(dict.fromkeys(case.kind for case in eval_set.cases))
    context = MetricContext(eval_set.texts, lambda: rag.embedder, lambda: rag.llm)
    metrics = open_metrics(
        options.metrics or [name for kind in kinds for name in default_metrics(kind)], context
    )
    declines = may_decline(eval_set.cases)
    about = _about(ground, kinds, options.depth, subjects) | {"declines": declines}
    run = {"name": options.name or eval_set.name, "split": options.split}
    sitting = sit_down(ground, eval_set, about, run, fresh=options.fresh)
    with sitting.taken():
        resumed = len(sitting.done)
        if resumed < len(eval_set.cases):
            opened = subjects or {
                kind: open_subject(ground, kind, options.depth, declines=declines) for kind in kinds
            }
            manner = Manner(options.parallel, options.cached, options.should_stop, options.on_progress)
            sitting.work(opened, manner)
            rag.tracer.flush()
        outcomes = _outcomes(sitting)
        measured = Measured({}, {})
        if len(outcomes) == len(eval_set.cases):
            in_order = [outcomes[case.id] for case in eval_set.cases]
            measured = measure(metrics, eval_set.cases, in_order)
            _finish(sitting, measured)
    return RunReport(
        set=eval_set.name,
        split=options.split,
        cases=len(outcomes),
        metrics={name: figure.estimate for name, figure in measured.figures.items()},
        seconds=round(sitting.seconds, 3),
        run=sitting.id,
        total=len(eval_set.cases),
        errors=sum(bool(outcome.error) for outcome in outcomes.values()),
        resumed=resumed,
        cached=sitting.cached,
        slices=_by_slice(measured.figures),
    )


def _about(
    ground: Ground, kinds: Sequence[Kind], depth: int, subjects: Mapping[Kind, Subject] | None
) -> dict[str, Any]:
    """The configuration; that of subjects of one's own is their `repr`."""
    if subjects is None:
        return configuration(ground, kinds, depth)
    return {"subjects": {kind: repr(subject) for kind, subject in subjects.items()}, "prefix": ground.prefix}


def _outcomes(sitting: Sitting) -> dict[str, Outcome]:
    """All outcomes of the run by their cases' ids: those made now, and those kept before."""
    if len(sitting.new) == len(sitting.done):
        return sitting.new
    ground = sitting.ground
    with ground.rag.store.reading() as connection:
        rows = [row for row in outcomes_of(connection, sitting.id) if row.case_id not in sitting.new]
    read = reader(ground.rag.store, ground.rag.settings.collection, ground.prefix)
    return outcomes_by_case(rows, read) | sitting.new


def _finish(sitting: Sitting, measured: Measured) -> None:
    ids = [case.id for case in sitting.eval_set.cases]
    by_case = {
        id_: {name: said[place] for name, said in measured.values.items() if said[place] is not None}
        for place, id_ in enumerate(ids)
    }
    kept = {
        "metrics": {name: _figure_json(figure) for name, figure in measured.figures.items()},
        "seconds": sitting.seconds,
        "finished_at": datetime.now(UTC),
    }
    with sitting.ground.rag.store.writing() as connection:
        put_values(connection, sitting.id, by_case)
        change_eval_run(connection, sitting.id, kept)


def _figure_json(figure: Figure) -> dict[str, Any]:
    kept: dict[str, Any] = {**asdict(figure.estimate), "higher_is_better": figure.higher_is_better}
    if figure.slices:
        kept["slices"] = {
            name: {value: asdict(estimate) for value, estimate in by_value.items()}
            for name, by_value in figure.slices.items()
        }
    return kept


def _by_slice(figures: Mapping[str, Figure]) -> dict[str, dict[str, dict[str, Estimate]]]:
    turned: dict[str, dict[str, dict[str, Estimate]]] = {}
    for metric, figure in figures.items():
        for name, by_value in figure.slices.items():
            for value, estimate in by_value.items():
                turned.setdefault(name, {}).setdefault(value, {})[metric] = estimate
    return turned
