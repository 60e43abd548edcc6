"""`ragent match`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragent.cli.face import Face, HomeOption, JsonOption

if TYPE_CHECKING:
    from ragent.corpus.matching import Field, Link, Table

_SHOWN = 20
_ALIKE = 0.75


def match(
    context: typer.Context,
    left: Annotated[Path, typer.Argument(help="A table: CSV, JSON Lines or Excel.", show_default=False)],
    right: Annotated[Path, typer.Argument(help="Another one.", show_default=False)],
    key: Annotated[
        str | None,
        typer.Option(
            "--key", metavar="COLUMN", help="What names a row of both; it isn't compared \\[its number]."
        ),
    ] = None,
    threshold: Annotated[
        float, typer.Option("--threshold", min=0, max=1, help="The probability from which rows are linked.")
    ] = 0.5,
    candidates: Annotated[
        int, typer.Option("-k", "--candidates", min=1, help="How many rows each row is compared with.")
    ] = 10,
    meaning: Annotated[
        bool,
        typer.Option("--meaning/--words", help="Look for candidates by meaning, too, or by words alone."),
    ] = True,
    judge: Annotated[
        bool, typer.Option("--judge", help="Put what is in doubt to the language model.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the links there, as CSV.")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Link the rows of two tables that speak of the same thing.

    Nothing is to be labelled: what a match looks like is learned from the tables themselves. Columns of the
    same name are compared, and whole rows, so that values may stand in the wrong column.
    """
    from ragent.corpus.matching import read_table, score_pairs
    from ragent.corpus.matching.blocking import candidate_pairs
    from ragent.corpus.matching.judging import judged

    face = Face(context, home, None, as_json)
    tables = read_table(left, key), read_table(right, key)
    with face.rag() as rag, face.messages.status("looking for candidates") as status:
        embedder = rag.embedder if meaning else None
        pairs = candidate_pairs(tables[0].records, tables[1].records, candidates, embedder)
        status.update(f"comparing {len(pairs)} pairs")
        links: Iterable[Link] = score_pairs(tables[0].records, tables[1].records, pairs, threshold)
        if judge:
            status.update("asking the model")
            links = judged(links, (tables[0].records, tables[1].records), rag.llm, threshold)
        matches = sorted((one for one in links if one.matched), key=lambda one: -one.probability)
    if out:
        _write(out, tables, matches)
    if face.as_json:
        shown = [_contract(tables, link) for link in matches]
        face.print_json({"links": shown, "candidates": len(pairs), "rows": [len(t.keys) for t in tables]})
    else:
        _print(face, tables, matches, out)


def _contract(tables: tuple[Table, Table], link: Link) -> dict[str, Any]:
    keys = {"left": tables[0].keys[link.left], "right": tables[1].keys[link.right]}
    return keys | {"probability": link.probability, "fields": link.fields}


def _write(out: Path, tables: tuple[Table, Table], matches: Sequence[Link]) -> None:
    import csv

    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["left", "right", "probability", "agree", "differ"])
        for link in matches:
            keys = tables[0].keys[link.left], tables[1].keys[link.right]
            agree, differ = _sides(link.fields)
            writer.writerow([*keys, link.probability, " ".join(agree), " ".join(differ)])


def _sides(fields: Sequence[Field]) -> tuple[list[str], list[str]]:
    told = [(field.name, field.alike) for field in fields if field.alike is not None]
    return [name for name, alike in told if alike >= _ALIKE], [name for name, alike in told if alike < _ALIKE]


def _print(face: Face, tables: tuple[Table, Table], matches: Sequence[Link], out: Path | None) -> None:
    for link in matches[:_SHOWN]:
        agree, differ = _sides(link.fields)
        reasons = [f"{what}: {', '.join(of)}" for what, of in (("agree", agree), ("differ", differ)) if of]
        keys = f"{tables[0].keys[link.left]} = {tables[1].keys[link.right]}"
        face.console.print(f"{link.probability:.3f}  {keys}  ({'; '.join(reasons)})", markup=False)
    more = f", the {_SHOWN} surest of them above" if len(matches) > _SHOWN else ""
    where = f"; all in {out}" if out else ""
    counts = " and ".join(str(len(table.keys)) for table in tables)
    face.console.print(f"{len(matches)} links between {counts} rows{more}{where}", markup=False)
