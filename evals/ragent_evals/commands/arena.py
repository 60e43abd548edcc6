"""`ragent eval arena` and `ragent eval standings`: which of two configurations answers better, by votes."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragent.cli.face import Face, HomeOption, JsonOption

if TYPE_CHECKING:
    from ragent.rag import Rag
    from ragent.store import Store
    from ragent_evals.judging.arena import Arena, Pair
    from ragent_evals.judging.pairwise import PairJudge
    from ragent_evals.judging.rating import Standing

_KEYS = {"a": "left", "b": "right", "t": "tie"}
_QUIT = "q"


def arena(
    context: typer.Context,
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN_A RUN_B...", help="Kept runs over the same set, by id or name.", show_default=False
        ),
    ],
    judge: Annotated[
        bool, typer.Option("--judge/--votes", help="The model votes, or you do, with the keys a, b, t and q.")
    ] = False,
    principle: Annotated[
        str | None,
        typer.Option(help="What the model is to judge by, in a sentence.", show_default=False),
    ] = None,
    margin: Annotated[
        float, typer.Option(min=0, max=1, help="Below it, a preference of the model is a tie.")
    ] = 0.1,
    voter: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who votes \\[your login].", show_default=False)
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, metavar="N", help="At most so many pairs, this time.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Decides the order of pairs, and which answer is A.")] = 0,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Vote on pairs of answers without knowing whose they are, and see how the configurations stand.

    Each vote is kept at once, and nobody is shown a pair twice: stop with q or Ctrl-C and go on another day.
    Cases where one of the two has no answer, or both have the same, are not shown. The model reads each pair
    in both orders; where the order decides, that is a tie.
    """
    from ragent_evals.judging.answered import answers_of
    from ragent_evals.judging.arena import arena_of

    face = Face(context, home, None, as_json)
    with face.rag() as rag:
        kept = [answers_of(rag.store, run) for run in runs]
        field = arena_of(rag.store, kept, seed=seed)
        told = f"{field.pairs} pairs; {field.same} with the same answers are left out"
        face.messages.print(told, markup=False)
        collections = {run.collection for run in kept}
        collection = collections.pop() if len(collections) == 1 else ""
        if judge:
            more = _judge(face, field, _judge_of(rag, principle, collection), margin, limit)
        else:
            more = {"voted": _vote(face, field, voter or getpass.getuser(), limit)}
        _report(face, {"arena": field.name, "same": field.same, **more}, _by_whom(rag.store, field.name))


def standings(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="ARENA", help="\\[the one voted in last]", show_default=False)
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how configurations stand by the votes of an arena: Bradley-Terry ratings with 95 % intervals.

    The mean is 1000; 400 more are odds of ten to one to be liked better. The votes of people and those of
    models are counted apart. Configurations that never met, not even by way of others, aren't rated together.
    """
    from ragent.errors import EvalError
    from ragent.store.judgements import arenas

    face = Face(context, home, None, as_json)
    with face.rag() as rag:
        with rag.store.reading() as connection:
            known = arenas(connection)
        if not known or (name and name not in known):
            hint = f"known: {', '.join(known)}" if known else "first: ragent eval arena RUN_A RUN_B"
            raise EvalError("nobody voted" + (f" in {name!r}" if name else " yet"), hint=hint)
        chosen = name or known[0]
        _report(face, {"arena": chosen, "arenas": known}, _by_whom(rag.store, chosen))


def _judge_of(rag: Rag, principle: str | None, collection: str) -> PairJudge:
    from ragent.prompts import load_prompt
    from ragent_evals.commands.judge import identity
    from ragent_evals.judging.pairwise import BETTER, PairJudge
    from ragent_evals.judging.remembering import StoredVerdicts

    return PairJudge(
        rag.llm,
        principle=principle or BETTER,
        template=load_prompt("judge-pair", rag.home / "prompts"),
        memory=StoredVerdicts(rag.store, collection),
        identity=identity(rag),
    )


def _judge(face: Face, field: Arena, pair: PairJudge, margin: float, limit: int | None) -> dict[str, Any]:
    from ragent_evals.judging.arena import let_judge_vote
    from ragent_evals.judging.pairwise import position_bias

    with face.messages.status("reading the model") as status:
        found = let_judge_vote(
            field, pair, least_margin=margin, most=limit, tell=lambda done: status.update(f"judged {done}")
        )
    flipped, bias = sum(one.flipped for one in found), round(position_bias(found), 4)
    if found:
        face.messages.print(
            f"the order decided {flipped} of {len(found)} pairs; the model leans to the first by {bias:+.2f}",
            markup=False,
        )
    return {
        "voted": len(found),
        "flipped": flipped,
        "position_bias": bias,
        "by": sorted({one.by for one in found}),
    }


def _vote(face: Face, field: Arena, voter: str, limit: int | None) -> int:
    done = 0
    while (limit is None or done < limit) and (pair := field.next_pair(voter)):
        key = _asked(face, pair)
        if key == _QUIT:
            break
        winner: Any = _KEYS[key]
        field.vote(pair, winner, voter)
        done += 1
    return done


def _asked(face: Face, pair: Pair) -> str:
    for text in (pair.question, f"\nA: {pair.left_answer}", f"\nB: {pair.right_answer}"):
        # What a model wrote may hold control characters.
        clean = "".join(one if one.isprintable() or one in "\n\t" else " " for one in text)
        face.messages.print(clean, markup=False)
    while True:
        face.messages.print("\nwhich is better? a, b, t: tie, q: stop", markup=False)
        key = _pressed()
        if key in (*_KEYS, _QUIT):
            return key


def _pressed() -> str:
    """The key; "q" at the end of what comes in."""
    if sys.stdin.isatty():
        import click

        return click.getchar().lower()
    line = sys.stdin.readline()
    return line.strip().lower() if line else _QUIT


def _by_whom(store: Store, arena: str) -> dict[str, list[Standing]]:
    from ragent_evals.judging.arena import standings_of

    found = {
        who: standings_of(store, arena, is_human=is_human)
        for who, is_human in (("people", True), ("judges", False))
    }
    return {who: standing for who, standing in found.items() if standing}


def _report(face: Face, about: dict[str, Any], standings: dict[str, list[Standing]]) -> None:
    if face.as_json:
        face.print_json({**about, "standings": standings})
        return
    from rich.markup import escape
    from rich.table import Table

    for who, found in standings.items():
        table = Table(f"by {who}", "rating", "95 % interval", "won", "tied", "lost", box=None)
        for one in found:
            counts = map(str, (one.wins, one.ties, one.losses))
            table.add_row(escape(one.name), f"{one.rating:.0f}", f"{one.low:.0f} to {one.high:.0f}", *counts)
        face.console.print(table)
    if not standings:
        face.console.print("nobody voted yet")
