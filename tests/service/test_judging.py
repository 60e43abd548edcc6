"""What people think of answers becomes eval cases."""

from __future__ import annotations

import threading

import pytest

from ragent.errors import ConfigError, NotAllowed, NotThere
from ragent.service import Service, Session
from ragent.service.conversations import Turn
from ragent.service.session import Asked
from ragent.store.feedback import list_feedback
from ragent_evals.sets.asked import begin_set
from tests.service.conftest import bring_in


def asked(session: Session) -> tuple[str, Turn]:
    """A conversation, and the answer in it."""
    talk = session.conversations.new("default")
    asked = Asked("How much does the crane lift?", changes={"ask": {"style": "extract"}})
    *_, turn = session.converse(talk, asked, threading.Event())
    assert isinstance(turn, Turn)
    return talk.id, turn


def test_a_judgement_becomes_a_case_and_the_last_one_counts(service: Service, ed: Session) -> None:
    bring_in(ed, "default", "crane.txt", "The crane at the north quay lifts 40 tonnes.")
    talk, turn = asked(ed)
    ed.judge(talk, turn.id, -1, comment="too long")
    ed.judge(talk, turn.id, -1, correction="40 t")
    with service.store.reading() as connection:
        (row,) = list_feedback(connection, "default")
    assert (row.owner, row.rating, row.correction) == ("ed", -1, "40 t")
    (line,) = begin_set(service.rag("default")).lines
    assert line["question"] == "How much does the crane lift?"
    assert line["answers"] == ["40 t"]
    assert ed.conversations.turns(talk)[1].details["judged"]["correction"] == "40 t"


def test_a_liked_answer_gives_its_quote(service: Service, ed: Session) -> None:
    bring_in(ed, "default", "crane.txt", "The crane at the north quay lifts 40 tonnes.")
    talk, turn = asked(ed)
    ed.judge(talk, turn.id, 1)
    (line,) = begin_set(service.rag("default")).lines
    assert line["passages"]
    assert "40 tonnes" in line["answers"][0]


def test_only_ones_own_answers_can_be_judged(ed: Session, rita: Session) -> None:
    bring_in(ed, "default", "crane.txt", "The crane at the north quay lifts 40 tonnes.")
    talk, turn = asked(ed)
    with pytest.raises(NotThere):
        rita.judge(talk, turn.id, 1)
    with pytest.raises(NotThere):
        ed.judge(talk, "none", 1)
    with pytest.raises(NotAllowed):
        ed.judge(talk, ed.conversations.turns(talk)[0].id, 1)
    with pytest.raises(ConfigError):
        ed.judge(talk, turn.id, 5)
