"""A question of one's own, answered under two settings, for a vote."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass
from functools import partial

import streamlit as st

from ragent.service import Session
from ragent.service.session import Asked
from ragent.types import Answer
from ragent_evals.judging.arena import Answers, Arena, standings_of
from ragent_ui.arena.voting import show_pair, show_standings
from ragent_ui.background import Background
from ragent_ui.errors import show_error
from ragent_ui.markup import escaped
from ragent_ui.surroundings import chosen_collection
from ragent_ui.words import t

_ASKING = "arena_asking"
_POLL_SECONDS = 0.5
_STYLES = ("draft", "quote", "extract")


@dataclass(frozen=True, slots=True)
class Way:
    """How a question is answered: in which style, from how many passages."""

    style: str
    k: int

    @property
    def name(self) -> str:
        return f"{self.style}, k = {self.k}"


class Asking:
    """One question on its way to two answers. Any thread may read it."""

    def __init__(self, session: Session, collection: str, question: str, ways: tuple[Way, Way]) -> None:
        self.case = uuid.uuid4().hex
        self.question = question
        self.answers: dict[str, str] = {}
        self.background = Background("arena", partial(self._ask, session, collection, ways))

    def _ask(self, session: Session, collection: str, ways: tuple[Way, Way], _stop: threading.Event) -> None:
        for way in ways:
            asked = Asked(self.question, way.k, changes={"ask": {"style": way.style}})
            *_, last = session.stream(collection, asked)
            if isinstance(last, Answer):
                self.answers[way.name] = last.text


def show_asking(session: Session, voter: str) -> None:
    """Ask, vote, and see the standings of all that was asked of the collection so."""
    collection = chosen_collection(session)
    session.require(collection, "reader")
    _show_form(session, collection)
    asking = st.session_state.get(_ASKING)
    name = f"asked of {collection}"
    store = session.service.store
    if isinstance(asking, Asking):
        error = asking.background.error
        if not asking.background.is_over:
            _follow(asking)
        elif error is not None:
            show_error(error.message, error.hint)
        else:
            given = {way: {asking.case: text} for way, text in asking.answers.items()}
            arena = Arena(store, name, Answers({asking.case: asking.question}, given))
            pair = arena.next_pair(voter)
            if pair is not None:
                show_pair(arena, pair, voter)
            else:
                st.success(t("arena.kept") if arena.pairs else t("arena.alike"), icon=":material/check:")
    show_standings(standings_of(store, name, is_human=True), standings_of(store, name, is_human=False))


def _show_form(session: Session, collection: str) -> None:
    with st.form("arena_form", border=False):
        left, right = st.columns(2)
        with left:
            first = _way("arena.first_way", _STYLES.index("draft"), 6)
        with right:
            second = _way("arena.second_way", _STYLES.index("extract"), 6)
        question = st.text_input(t("chat.question"), max_chars=2000)
        asked = st.form_submit_button(t("arena.ask"), type="primary", icon=":material/balance:")
    if not asked or not question.strip():
        return
    if first == second:
        st.warning(t("arena.same_ways"), icon=":material/balance:")
        return
    st.session_state[_ASKING] = Asking(session, collection, question.strip(), (first, second))


def _way(label: str, style: int, k: int) -> Way:
    with st.container(horizontal=True):
        chosen = st.selectbox(t(label), _STYLES, index=style, format_func=lambda name: t(f"arena.{name}"))
        count = st.number_input(t("arena.passages"), 1, 50, k, key=f"{label}-k", width=120)
    return Way(chosen, int(count))


@st.fragment(run_every=_POLL_SECONDS)
def _follow(asking: Asking) -> None:
    if asking.background.is_over:
        st.rerun()
    st.html(f'<p class="rg-busy" role="status">{escaped(t("arena.asking", done=len(asking.answers)))}</p>')
