from __future__ import annotations

import json
import threading

import pytest

from ragent.errors import NotThere
from ragent.service import Service, Session
from ragent.service.conversations import Turn
from ragent.service.exporting import as_json, as_markdown
from ragent.service.session import Asked
from tests.service.conftest import bring_in

pytestmark = pytest.mark.usefixtures("store_url")


def last(pieces: list[str | Turn]) -> Turn:
    turn = pieces[-1]
    assert isinstance(turn, Turn)
    return turn


def test_a_conversation_is_kept_searched_exported_and_forgotten(ed: Session) -> None:
    document = bring_in(ed, "default", "crane.txt", "The crane at the north quay lifts 40 tonnes.")
    kept = ed.conversations
    talk = kept.new("default")
    turn = last(list(ed.converse(talk, Asked("How much does the crane lift?"), threading.Event())))
    assert "40 tonnes" in turn.content
    assert turn.state == "done"
    (cited,) = turn.details["citations"]
    assert cited["document_id"] == document
    assert kept.get(talk.id).title == "How much does the crane lift?"
    assert [one.id for one in kept.all("CRANE")] == [talk.id]
    assert kept.all("100%") == kept.all("submarine") == []
    markdown = as_markdown(kept.get(talk.id), kept.turns(talk.id))
    assert "> [1] The crane at the north quay lifts 40 tonnes." in markdown
    assert [one["role"] for one in json.loads(as_json(kept.get(talk.id), kept.turns(talk.id)))["turns"]] == [
        "user",
        "assistant",
    ]
    report = ed.documents.forget(document)
    assert report.proof.found == ()
    assert [one.state for one in kept.turns(talk.id)] == ["forgotten", "forgotten"]
    assert ed.documents.list("default") == []


def test_a_turn_can_be_taken_back_and_asked_otherwise(ed: Session) -> None:
    kept = ed.conversations
    talk = kept.new("default")
    for question in ("First?", "Second?"):
        kept.answered(kept.ask(talk.id, question), "Yes.", "done", {})
    second = kept.turns(talk.id)[3]
    assert kept.cut(talk.id, second.id) == "Second?"
    assert [turn.content for turn in kept.turns(talk.id)] == ["First?", "Yes."]
    with pytest.raises(NotThere):
        kept.cut(talk.id, second.id)


def test_what_fails_and_what_is_stopped_is_kept_as_such(ed: Session) -> None:
    talk = ed.conversations.new("default")
    failed = last(list(ed.converse(talk, Asked("Is it empty?"), threading.Event())))
    assert failed.state == "failed"
    assert "empty" in failed.details["error"]
    stop = threading.Event()
    stop.set()
    bring_in(ed, "default", "a.txt", "The gate is green.")
    assert last(list(ed.converse(talk, Asked("What colour is the gate?"), stop))).state == "stopped"
    assert [message.content for message in ed.conversations.history(talk.id)] == [
        "Is it empty?",
        "What colour is the gate?",
    ]


def test_an_answer_whose_process_died_is_marked_when_the_home_is_opened(
    service: Service, ed: Session
) -> None:
    talk = ed.conversations.new("default")
    ed.conversations.ask(talk.id, "Still there?")
    Service.open(service.home, service.settings).close()
    assert [turn.state for turn in ed.conversations.turns(talk.id)] == ["done", "stopped"]
