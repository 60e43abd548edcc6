"""Reads and writes the runs of eval sets, and takes the words of forgotten documents out of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from sqlalchemy import Connection, Row, bindparam, delete, insert, or_, select, update

from ragent.errors import StoreError
from ragent.store.columns import inserting_new
from ragent.store.proof import SHORTEST, distinctive
from ragent.store.tables import CollectionRow, DocumentRow, EvalRunRow, OutcomeRow

_KEYS_A_QUERY = 500
_SHORTEST_REFERENCE = 4


def add_eval_run(connection: Connection, values: Mapping[str, Any]) -> None:
    """Keep a new run: its columns."""
    connection.execute(insert(EvalRunRow).values(**values))


def change_eval_run(connection: Connection, run_id: str, values: Mapping[str, Any]) -> None:
    """Set columns of a run."""
    connection.execute(update(EvalRunRow).where(EvalRunRow.id == run_id).values(**values))


def unfinished_eval_runs(connection: Connection, version: str, corpus: str) -> list[Row[Any]]:
    """The columns of the runs over these cases and texts that have some left, newest first."""
    query = select(EvalRunRow.__table__).where(
        EvalRunRow.version == version, EvalRunRow.corpus == corpus, EvalRunRow.finished_at.is_(None)
    )
    return list(connection.execute(query.order_by(EvalRunRow.created_at.desc(), EvalRunRow.id)))


def find_eval_run(connection: Connection, reference: str) -> Row[Any]:
    """The columns of a run: by its id, a beginning of it that no other has, or its name (then the newest).

    Raises:
        StoreError: there is none, or there are several whose ids begin so.
    """
    newest_first = select(EvalRunRow.__table__).order_by(EvalRunRow.created_at.desc(), EvalRunRow.id)
    named = connection.execute(
        newest_first.where(or_(EvalRunRow.id == reference, EvalRunRow.name == reference))
    ).first()
    if named:
        return named
    begins = EvalRunRow.id.startswith(reference, autoescape=True)
    found = (
        connection.execute(newest_first.where(begins)).all() if len(reference) >= _SHORTEST_REFERENCE else []
    )
    if len(found) != 1:
        problem = "more than one run begins with" if found else "there is no run of an eval set called"
        raise StoreError(f"{problem} {reference!r}", hint="`ragent eval runs` lists them")
    return found[0]


def list_eval_runs(connection: Connection, most: int | None = None) -> list[Row[Any]]:
    """The columns of the newest runs (None: of all), newest first."""
    query = select(EvalRunRow.__table__).order_by(EvalRunRow.created_at.desc(), EvalRunRow.id)
    return list(connection.execute(query.limit(most)))


def drop_eval_run(connection: Connection, run_id: str) -> None:
    """Remove a run with its outcomes."""
    connection.execute(delete(EvalRunRow).where(EvalRunRow.id == run_id))


def add_outcomes(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep outcomes: their columns. One that is there already stays as it is."""
    connection.execute(inserting_new(connection, OutcomeRow), list(rows))


def outcomes_of(connection: Connection, run_id: str) -> list[Row[Any]]:
    """The columns of a run's outcomes, in the set's order."""
    query = select(OutcomeRow.__table__).where(OutcomeRow.run_id == run_id).order_by(OutcomeRow.number)
    return list(connection.execute(query))


def cases_done(connection: Connection, run_id: str) -> set[str]:
    """The ids of a run's cases that have an outcome."""
    return set(connection.scalars(select(OutcomeRow.case_id).where(OutcomeRow.run_id == run_id)))


def outcomes_by_key(connection: Connection, keys: Sequence[str]) -> dict[str, Any]:
    """By key, an outcome that any run has under it."""
    found: dict[str, Any] = {}
    for first in range(0, len(keys), _KEYS_A_QUERY):
        some = keys[first : first + _KEYS_A_QUERY]
        query = select(OutcomeRow.key, OutcomeRow.outcome).where(OutcomeRow.key.in_(some))
        found.update((row.key, row.outcome) for row in connection.execute(query))
    return found


def put_values(connection: Connection, run_id: str, values: Mapping[str, Any]) -> None:
    """Set what the metrics say of cases, by their ids."""
    if values:
        mine = (OutcomeRow.run_id == run_id) & (OutcomeRow.case_id == bindparam("of_case"))
        changed = update(OutcomeRow).where(mine).values(values=bindparam("are"))
        connection.execute(changed, [{"of_case": case, "are": said} for case, said in values.items()])


# -- forgetting -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Forgotten:
    """What tells that something speaks of forgotten documents."""

    uris: frozenset[str]
    collections: frozenset[str]
    stretches: tuple[str, ...]

    def is_in(self, value: Any, names: frozenset[str]) -> bool:
        """Whether a JSON value names one of them, or holds words of theirs."""
        return any(text in names or any(each in text for each in self.stretches) for text in _texts_in(value))

    def names(self, collection: str, prefix: str) -> frozenset[str]:
        """What a run calls them: by their uris, or in a collection of a set's texts by the texts' ids."""
        if not prefix or collection not in self.collections:
            return self.uris
        ids = (unquote(uri.removeprefix(prefix)) for uri in self.uris if uri.startswith(prefix))
        return self.uris | frozenset(ids)


def erase_outcomes(connection: Connection, document_ids: Sequence[int]) -> None:
    """Take the words out of every outcome that found or quoted documents, or that holds words of theirs.

    To be called while they are still there. What the metrics said of such a case stays, and what it cost. Its
    question goes, too: it may have been written from the document. So do slices that are named by its words.
    """
    forgotten = _forgotten(connection, document_ids)
    for run in list_eval_runs(connection):
        names = forgotten.names(run.collection, (run.configuration or {}).get("prefix", ""))
        for row in outcomes_of(connection, run.id):
            failed = bool(row.outcome.get("error")) and run.collection in forgotten.collections
            if failed or forgotten.is_in([row.case, row.outcome], names):
                _empty(connection, row, forgotten)
        metrics = _without(run.metrics, forgotten)
        if metrics != run.metrics:
            change_eval_run(connection, run.id, {"metrics": metrics})


def _forgotten(connection: Connection, document_ids: Sequence[int]) -> _Forgotten:
    query = (
        select(DocumentRow.uri, DocumentRow.title, DocumentRow.text, CollectionRow.name)
        .join(CollectionRow, CollectionRow.id == DocumentRow.collection_id)
        .where(DocumentRow.id.in_(document_ids))
    )
    rows = connection.execute(query).all()
    stretches = [each for row in rows for each in (row.uri, row.title, *distinctive(row.text))]
    return _Forgotten(
        frozenset(row.uri for row in rows),
        frozenset(row.name for row in rows),
        tuple(dict.fromkeys(each for each in stretches if len(each) >= SHORTEST)),
    )


def _empty(connection: Connection, row: Row[Any], forgotten: _Forgotten) -> None:
    case = {name: row.case[name] for name in ("id", "kind", "split", "slices") if name in row.case}
    case = _without(case, forgotten) | {"id": case["id"], "kind": case["kind"], "question": ""}
    outcome = {name: row.outcome[name] for name in ("case_id", "abstained", "cost") if name in row.outcome}
    mine = (OutcomeRow.run_id == row.run_id) & (OutcomeRow.number == row.number)
    connection.execute(update(OutcomeRow).where(mine).values(key="", case=case, outcome=outcome))


def _without(value: Any, forgotten: _Forgotten) -> Any:
    """A JSON value without the members that are named by forgotten words, or are such words."""
    if not isinstance(value, dict):
        return value
    return {
        name: _without(part, forgotten)
        for name, part in value.items()
        if not forgotten.is_in([name, part if isinstance(part, str) else ""], forgotten.uris)
    }


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, part in value.items():
            yield name
            yield from _texts_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts_in(part)
