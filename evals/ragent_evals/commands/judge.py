"""`ragent eval judge`: have a model judge answers, and see how far it agrees with people."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragent.cli.face import Face, HomeOption, JsonOption

if TYPE_CHECKING:
    from ragent.rag import Rag
    from ragent_evals.judging.agreement import Agreement
    from ragent_evals.judging.answered import Answered
    from ragent_evals.judging.reviewing import Review

_RUN = "A kept run, by id or name, or FILE.jsonl of {id, question, answer, reference, passages, label}."


def judge(
    context: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help=_RUN, show_default=False)],
    criterion: Annotated[
        str, typer.Option(help="By what: correct (against a reference), faithful (to passages), helpful.")
    ] = "correct",
    labels: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="People's verdicts: {id, label} a line.", show_default=False),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have the model judge answers, and see how far it agrees with people.

    A verdict is one of a few words by construction; the score is how likely the model finds each. Verdicts
    are kept: a second call reads only what is new. With labels, agreement is shown as Cohen's kappa with its
    95 % interval, and with 30 or more, what a score means is fitted to one half of them and tested on the
    other.

    A judge whose kappa may be zero is called not calibrated. Small models are such judges.
    """
    from ragent_evals.judging.criteria import find_criterion
    from ragent_evals.judging.remembering import StoredVerdicts
    from ragent_evals.judging.reviewing import judge_all

    began = time.perf_counter()
    face = Face(context, home, None, as_json)
    wanted = find_criterion(criterion)
    with face.rag() as rag, face.messages.status("reading the model") as status:
        answers, silent, collection = _read(rag, run, labels)
        memory = StoredVerdicts(rag.store, collection)
        who = wanted.open(rag.llm, prompts=rag.home / "prompts", memory=memory, identity=identity(rag))
        judged, found = judge_all(
            who, wanted, answers, lambda done: status.update(f"judged {done} of {len(answers)}")
        )
    seconds = round(time.perf_counter() - began, 3)
    if face.as_json:
        about = {"criterion": wanted.name, "prompt": who.template.used, "judge": rag.llm.name}
        by = sorted({one.verdict.by for one in judged if one.verdict})
        more = {
            "by": by,
            "calibrated": found.is_calibrated,
            "trust": found.trust,
            "silent": silent,
            "seconds": seconds,
        }
        face.print_json({"run": run, **about, "review": found, **more, "verdicts": judged})
        return
    _print(face, found, len(answers), silent)
    face.messages.print(found.trust, style="" if found.is_calibrated else "yellow", markup=False)


def identity(rag: Rag) -> str:
    """Tells the home's model, as it is set up, from others."""
    settings = hashlib.sha256(rag.settings.llm.model_dump_json().encode()).hexdigest()
    return f"{rag.llm.name} {settings[:12]}"


def _read(rag: Rag, run: str, labels: Path | None) -> tuple[list[Answered], int, str]:
    """The answers, how many cases have none, and the collection that they are about."""
    from ragent_evals.judging.answered import answers_of, read_answers, with_labels

    silent, collection = 0, ""
    if Path(run).is_file():
        answers = read_answers(Path(run))
    else:
        kept = answers_of(rag.store, run)
        answers, silent, collection = list(kept.answers), kept.silent, kept.collection
    return with_labels(answers, labels) if labels else answers, silent, collection


def _print(face: Face, found: Review, answers: int, silent: int) -> None:
    score = found.score
    counts = ", ".join(f"{count} {verdict}" for verdict, count in found.verdicts.items())
    lean = ", ".join(f"{verdict} {share:.2f}" for verdict, share in found.prior.items())
    between = f"{score.low:.3f} to {score.high:.3f}"
    face.console.print(f"score {score.value:.3f} ({between}); {counts}", markup=False)
    face.console.print(
        f"{answers} answers, {found.failed} that couldn't be judged, {silent} cases without one; "
        f"of empty texts the model says {lean}",
        markup=False,
    )
    if found.agreement:
        _print_agreement(face, "the judge's own verdicts", found.agreement)
    if found.fit:
        threshold = found.fit.threshold
        from_score = "no threshold: scores tell nothing" if threshold is None else f"yes from {threshold:.3f}"
        _print_agreement(
            face, f"fitted to {found.fit.labels} labels ({from_score}), on the others", found.fit.after
        )


def _print_agreement(face: Face, title: str, found: Agreement) -> None:
    from rich.table import Table

    table = Table(f"label, of {found.cases}", *(f"said {verdict}" for verdict in found.verdicts), box=None)
    for verdict, row in zip(found.verdicts, found.confusion, strict=True):
        table.add_row(verdict, *map(str, row))
    accuracy, kappa = found.accuracy, found.kappa
    face.console.print(f"\n{title}:", markup=False)
    face.console.print(table)
    face.console.print(
        f"accuracy {accuracy.value:.2f} ({accuracy.low:.2f} to {accuracy.high:.2f}), "
        f"kappa {kappa.value:.2f} ({kappa.low:.2f} to {kappa.high:.2f})",
        markup=False,
    )
