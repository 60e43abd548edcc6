"""The chat: ask, read the answer with its sources beside it, go on asking."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

import streamlit as st

from ragent.service import Session
from ragent.service.agents import Task
from ragent.service.conversations import Conversation, Turn
from ragent.service.session import Asked
from ragent_ui.agent import mode as agent
from ragent_ui.agent.mode import show_mode
from ragent_ui.agent.steps import show_progress, show_run, stage_of
from ragent_ui.agent.working import Working
from ragent_ui.chat import current
from ragent_ui.chat.judging import show_judging
from ragent_ui.chat.links import listen
from ragent_ui.chat.menu import show_menu
from ragent_ui.chat.sidebar import show_sidebar
from ragent_ui.chat.source import open_source, show_source, source_open
from ragent_ui.chat.turns import show_answer, show_copy, show_details, show_draft, show_question
from ragent_ui.chat.welcome import show_first_start, show_invitation
from ragent_ui.chat.writing import Writing, the_desk
from ragent_ui.errors import show_error
from ragent_ui.surroundings import changes, chosen_collection, require_session
from ragent_ui.warming import warming
from ragent_ui.words import t

_POLL_SECONDS = 0.2


def show() -> None:
    """Draw it."""
    session = require_session()
    warming(session.service)
    st.html(f"<style>{(files('ragent_ui.chat') / 'style.css').read_text('utf-8')}</style>")
    show_sidebar(session)
    conversation = current.current(session)
    if conversation is None:
        _show_beginning(session)
        return
    # Looked up before what was said is read: an answer that isn't on its way then stands there whole.
    writing = the_desk().at(conversation.id) if _is_writing(conversation) else None
    turns = session.conversations.turns(conversation.id)
    source = source_open()
    with st.container(key="chat"):
        _show_conversation(session, conversation, turns, writing)
    if source is not None:
        with st.container(key="source"):
            show_source(session, source)
    listen(
        lambda id_: open_source(session, conversation, turns, id_),
        shown=source.id if source else "",
        focus=f"{conversation.id}:{len(turns)}:{_is_writing(conversation)}",
    )
    show_mode(session, conversation.collection)
    asked = st.chat_input(
        t("agent.task" if agent.is_on() else "chat.follow_up"), disabled=_is_writing(conversation)
    )
    if asked:
        _ask(session, conversation, asked)


def _show_beginning(session: Session) -> None:
    collection = chosen_collection(session)
    is_empty = not any(info.documents for info in session.collections() if info.name == collection)
    with st.container(key="chat"):
        chosen = None if is_empty else show_invitation(session, collection)
        if is_empty:
            show_first_start(session, collection)
    listen(lambda _: None, shown="", focus=f"new:{is_empty}")
    show_mode(session, collection)
    asked = st.chat_input(t("agent.task" if agent.is_on() else "chat.ask"), disabled=is_empty) or chosen
    if asked:
        conversation = session.conversations.new(collection)
        current.go_to(conversation.id)
        _ask(session, conversation, asked)


def _ask(session: Session, conversation: Conversation, question: str) -> None:
    current.stop_editing()
    text = question.strip()
    other = changes()
    if text and agent.is_on():
        the_desk().begin(conversation.id, lambda: Working(session, conversation, Task(text, changes=other)))
    elif text:
        the_desk().begin(conversation.id, lambda: Writing(session, conversation, Asked(text, changes=other)))
    st.rerun()


def _is_writing(conversation: Conversation) -> bool:
    writing = the_desk().at(conversation.id)
    return writing is not None and not writing.background.is_over


# -- what was said ------------------------------------------------------------------------------------------


def _show_conversation(
    session: Session, conversation: Conversation, turns: Sequence[Turn], writing: Writing | Working | None
) -> None:
    show_menu(session, conversation, turns)
    last_answer = next((turn for turn in reversed(turns) if turn.role == "assistant"), None)
    for turn in turns:
        if turn.role == "user":
            _show_asked(session, conversation, turn, may_edit=not _is_writing(conversation))
            continue
        with st.chat_message("assistant", avatar=":material/auto_stories:"):
            if turn.state != "writing":
                if "run" in turn.details:
                    show_run(turn)
                else:
                    show_answer(session, conversation, turn)
                _actions(session, conversation, turn, is_last=turn is last_answer)
            elif writing is not None:
                _follow(session, conversation, writing)
            else:
                st.caption(t("chat.elsewhere"))
    if writing is not None and not any(turn.state == "writing" for turn in turns):
        _show_unnoted(session, conversation, writing)
    over = the_desk().at(conversation.id) if writing is None else None
    if over is not None and (error := over.background.error) is not None:
        show_error(error.message, error.hint)


def _show_unnoted(session: Session, conversation: Conversation, writing: Writing | Working) -> None:
    """A question that is in hand, but not yet among what was said."""
    with st.chat_message("user", avatar=":material/person:"):
        show_question(writing.question)
    with st.chat_message("assistant", avatar=":material/auto_stories:"):
        _follow(session, conversation, writing, noted=False)


def _show_asked(session: Session, conversation: Conversation, turn: Turn, *, may_edit: bool) -> None:
    with st.chat_message("user", avatar=":material/person:"):
        if not current.is_edited(turn.id):
            with st.container(horizontal=True, vertical_alignment="top", key=f"asked-{turn.id}"):
                show_question(turn.content)
                if may_edit:
                    st.button(
                        t("chat.edit"),
                        key=f"edit-{turn.id}",
                        icon=":material/edit:",
                        type="tertiary",
                        on_click=current.edit,
                        args=(turn.id,),
                    )
            return
        with st.form(f"edit-form-{turn.id}", border=False):
            text = st.text_area(t("chat.question"), turn.content, label_visibility="collapsed")
            with st.container(horizontal=True):
                again = st.form_submit_button(t("chat.ask_again"), type="primary")
                st.form_submit_button(t("chat.cancel"), on_click=current.stop_editing)
        if again and text.strip():
            session.conversations.cut(conversation.id, turn.id)
            _ask(session, conversation, text)


def _actions(session: Session, conversation: Conversation, turn: Turn, *, is_last: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"actions-{turn.id}", gap="small"):
        if is_last and not _is_writing(conversation):
            again = st.button(
                t("chat.again"), key=f"again-{turn.id}", icon=":material/refresh:", type="tertiary"
            )
            if again:
                question = session.conversations.cut(conversation.id, turn.id)
                _ask(session, conversation, question)
        if turn.state == "done":
            show_copy(turn)
            if "run" not in turn.details:
                show_details(turn)
            show_judging(session, conversation, turn)


@st.fragment(run_every=_POLL_SECONDS)
def _follow(
    session: Session, conversation: Conversation, writing: Writing | Working, *, noted: bool = True
) -> None:
    """The answer as it is written; drawn by itself, the rest of the page stays as it is."""
    if not noted and any(turn.state == "writing" for turn in session.conversations.turns(conversation.id)):
        st.rerun()
    if writing.background.is_over:
        st.rerun()
    if isinstance(writing, Working):
        show_progress(writing)
    elif writing.text:
        show_draft(writing.text)
    st.html(f'<p class="rg-busy" role="status">{_stage(session, writing)}</p>')
    st.button(
        t("chat.stopping") if writing.background.is_stopping else t("chat.stop"),
        key="stop",
        icon=":material/stop_circle:",
        disabled=writing.background.is_stopping,
        on_click=writing.background.stop,
    )


def _stage(session: Session, writing: Writing | Working) -> str:
    stage = warming(session.service).stage
    if stage != "ready":
        return t(f"chat.loading_{stage}")
    if isinstance(writing, Working):
        return stage_of(writing)
    return t("chat.writing") if writing.text else t("chat.searching")
