"""`ragent eval run`, `qa` and `schema`: run a set, and say with intervals what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from ragent.cli.face import CollectionOption, Face, HomeOption, JsonOption
from ragent_evals.commands.junit import JunitOption, MinOption, wanted_junit
from ragent_evals.commands.running import (
    CacheOption,
    ChangeOption,
    DepthOption,
    FreshOption,
    LimitOption,
    MetricsOption,
    NameOption,
    ParallelOption,
    SeedOption,
    SetArgument,
    SplitOption,
    Wanted,
    changed_settings,
    named,
    run_wanted,
)

if TYPE_CHECKING:
    from ragent_evals.sets.case import Kind


def run(
    context: typer.Context,
    path: SetArgument,
    split: SplitOption = None,
    limit: LimitOption = None,
    name: NameOption = "",
    seed: SeedOption = None,
    parallel: ParallelOption = 1,
    metrics: MetricsOption = "",
    k: DepthOption = 100,
    changes: ChangeOption = None,
    fresh: FreshOption = False,
    no_cache: CacheOption = False,
    junit: JunitOption = None,
    minimum: MinOption = None,
    home: HomeOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a set of any layout, and keep what came of each case: see docs/evals-runs.md.

    Texts that come with a set go into a collection of their own; without any, the collection in use is asked.
    A run that was stopped or killed goes on where it was, and a case that another run of the same
    configuration has is not done again.
    """
    from ragent_evals.running.runner import RunOptions

    options = RunOptions(
        name=name,
        seed=seed,
        parallel=parallel,
        depth=k,
        metrics=named(metrics),
        fresh=fresh,
        cached=not no_cache,
    )
    face = Face(context, home, collection, as_json)
    tests = wanted_junit(junit, minimum)
    run_wanted(face, Wanted(path, split, limit, junit=tests), options, changed_settings(changes))


def _of_kind(verb: str, kind: Kind, summary: str) -> Callable[..., None]:
    """A command that runs only the cases of one kind."""

    def command(
        context: typer.Context,
        path: SetArgument,
        split: SplitOption = None,
        limit: LimitOption = None,
        name: NameOption = "",
        seed: SeedOption = None,
        parallel: ParallelOption = 1,
        metrics: MetricsOption = "",
        changes: ChangeOption = None,
        fresh: FreshOption = False,
        no_cache: CacheOption = False,
        home: HomeOption = None,
        collection: CollectionOption = None,
        as_json: JsonOption = False,
    ) -> None:
        from ragent_evals.running.runner import RunOptions

        options = RunOptions(
            name=name, seed=seed, parallel=parallel, metrics=named(metrics), fresh=fresh, cached=not no_cache
        )
        face = Face(context, home, collection, as_json)
        run_wanted(face, Wanted(path, split, limit, kind), options, changed_settings(changes))

    command.__name__, command.__doc__ = verb, summary
    return command


qa = _of_kind(
    "qa",
    "answer",
    """Measure answers: questions with their answers, and some that nothing answers.

    Like `ragent eval run`, with the cases that can be asked as questions.
    """,
)
schema = _of_kind(
    "schema",
    "schema",
    """Measure values that a model writes under schemas: JSON Lines of {id, schema}, with a prompt or without.

    Like `ragent eval run`, with the cases that have a schema. `--set llm.max_tokens=N` bounds a value.
    """,
)
