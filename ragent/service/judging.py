"""What people think of the answers in their conversations, kept so that eval cases can be made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ragent.errors import NotAllowed, NotThere
from ragent.rag.judged import Judgement, keep_judgement
from ragent.service.conversations import Turn
from ragent.store.feedback import drop_feedback
from ragent.types import Answer, Citation, Hit, Timings, Usage

if TYPE_CHECKING:
    from ragent.service.session import Session


def judge(
    session: Session,
    conversation_id: str,
    turn_id: str,
    rating: int,
    *,
    comment: str = "",
    correction: str = "",
) -> str:
    """Keep what somebody thinks of an answer in a conversation of theirs, over what they thought before.

    The turn's `details` then hold it as `judged`: rating, comment, correction and the feedback's id.

    Raises:
        NotThere: it is no turn of a conversation of theirs.
        NotAllowed: it is no answer.
        ConfigError: the rating is none of 1, 0 and -1.
    """
    kept = session.conversations
    conversation = kept.get(conversation_id)
    session.require(conversation.collection, "reader")
    turns = kept.turns(conversation_id)
    place = next((place for place, turn in enumerate(turns) if turn.id == turn_id), None)
    if place is None:
        raise NotThere(f"there is no message {turn_id!r} in this conversation")
    turn = turns[place]
    if turn.role != "assistant" or turn.state != "done":
        raise NotAllowed("only an answer can be judged")
    answer = _answer(turn, turns[place - 1].content)
    said = Judgement(rating, comment.strip(), correction.strip(), session.caller.name)
    id_ = keep_judgement(session.service.store, conversation.collection, answer, said)
    before = turn.details.get("judged")
    if before:
        with session.service.store.writing() as connection:
            drop_feedback(connection, before["id"])
    judged = {"id": id_, "rating": rating, "comment": said.comment, "correction": said.correction}
    kept.change_details(turn.id, {**turn.details, "judged": judged})
    return id_


def judge_answer(session: Session, collection: str, answer: Answer, said: Judgement) -> str:
    """Keep what somebody thinks of an answer that is in no conversation. Raises NotThere, ConfigError."""
    session.require_known(collection)
    return keep_judgement(session.service.store, collection, answer, replace(said, owner=session.caller.name))


def _answer(turn: Turn, question: str) -> Answer:
    """The answer as far as it is kept: all that a judgement needs of it."""
    details = turn.details
    return Answer(
        question,
        turn.content,
        bool(details.get("abstained")),
        tuple(Citation(**cited) for cited in details.get("citations") or ()),
        (),
        Usage(),
        Timings(0.0, None, 0.0),
        tuple(_hit(rank, hit) for rank, hit in enumerate(details.get("hits") or (), start=1)),
        understood=details.get("understood") or "",
        support=details.get("support") or 0.0,
    )


def _hit(rank: int, hit: Mapping[str, Any]) -> Hit:
    return Hit(rank, 0.0, hit["chunk_id"], hit["document_id"], hit["uri"], "", None, 0, 0, "", "", {})
