"""Eval runs, traces and maps: whoever may not see the documents sees nothing of them."""

from __future__ import annotations

import pytest

from ragent.errors import NotAllowed, NotThere, StoreError
from ragent.service import Caller, Service, Session
from ragent.service.maps import Maps
from ragent.store import Wanted
from tests.evals.keeping import keep, kept
from tests.service.conftest import bring_in


def test_runs_are_seen_by_who_may_read_the_collection(
    service: Service, ada: Session, ed: Session, rita: Session
) -> None:
    ed.claim("private")
    keep(service.store, kept({"f1": [0.0, 1.0]}, "open"))
    keep(service.store, kept({"f1": [1.0, 1.0]}, "closed", collection="private"))
    assert {run.name for run in ed.quality.eval_runs()} == {"open", "closed"}
    assert [run.name for run in rita.quality.eval_runs()] == ["open"]
    assert ada.quality.eval_run("closed").is_finished
    run = rita.quality.eval_run("open")
    assert (run.set_name, run.cases, run.metrics["f1"]["value"]) == ("harbour (test)", 2, 0.5)
    for name in ("closed", "nothing"):
        with pytest.raises(NotThere):
            rita.quality.eval_run(name)


def test_traces_are_an_admins_to_see(service: Service, ada: Session, ed: Session) -> None:
    bring_in(ed, "default", "crane.txt", "The crane lifts 40 tonnes.")
    ed.search("default", "crane", 1)
    for refused in (ed, service.session(Caller("ada", "admin", frozenset({"default"})))):
        with pytest.raises(NotAllowed):
            refused.quality.traces(Wanted())
        with pytest.raises(NotAllowed):
            refused.quality.trace("abcdef")
    service.rag("default").tracer.flush()
    newest, *_, oldest = ada.quality.traces(Wanted())
    assert newest.root.name == "search"
    assert newest.root.started_ns > oldest.root.started_ns
    (tree,) = ada.quality.trace(newest.root.trace_id)
    assert tree.parts
    with pytest.raises(StoreError):
        ada.quality.trace("0123456789")


def test_a_map_is_drawn_once_for_as_long_as_nothing_changes(ed: Session, rita: Session) -> None:
    maps = Maps()
    with pytest.raises(StoreError):
        maps.of(ed, "default")
    for number in range(6):
        bring_in(ed, "default", f"{number}.txt", f"Crane {number} lifts {number} tonnes of fish at the quay.")
    drawn = maps.of(ed, "default")
    assert drawn.is_over.wait(60)
    assert drawn.topics is not None
    assert len(drawn.topics.placed) == 6
    assert maps.of(rita, "default") is drawn
    bring_in(ed, "default", "6.txt", "Refunds are given within 14 days.")
    assert maps.of(ed, "default") is not drawn
    ed.claim("private")
    with pytest.raises(NotThere):
        maps.of(rita, "private")
