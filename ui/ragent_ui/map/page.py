"""The map of a collection: a point for each passage, in the colour of its topic."""

from __future__ import annotations

from typing import Any

import streamlit as st

from ragent.corpus.topics.topics import Topics
from ragent.errors import NotThere, StoreError
from ragent.service import Session
from ragent.service.maps import Map, Maps
from ragent_ui.errors import show_error
from ragent_ui.map.plot import PICKED, colour, map_plot
from ragent_ui.markup import escaped, marked, plain
from ragent_ui.quality import quality_page
from ragent_ui.surroundings import chosen_collection, require_session
from ragent_ui.words import t

_POLL_SECONDS = 0.5
_MOST_POINTS = 4000
_AROUND = 200
_OPEN = "map_passage"


def show() -> None:
    """Draw it."""
    session = require_session()
    with quality_page("map"):
        _show(session, chosen_collection(session))


def _show(session: Session, collection: str) -> None:
    try:
        drawn = _maps().of(session, collection)
    except (NotThere, StoreError):
        st.info(t("map.empty"), icon=":material/scatter_plot:")
        return
    if not drawn.is_over.is_set():
        _follow(drawn)
    elif drawn.topics is None:
        error = drawn.error
        show_error(error.message if error else "", error.hint if error else "")
    else:
        _show_map(session, collection, drawn.topics)


@st.cache_resource(show_spinner=False)
def _maps() -> Maps:
    return Maps()


@st.fragment(run_every=_POLL_SECONDS)
def _follow(drawn: Map) -> None:
    if drawn.is_over.is_set():
        st.rerun()
    st.html(f'<p class="rg-busy" role="status">{escaped(t("map.drawing"))}</p>')


def _show_map(session: Session, collection: str, topics: Topics) -> None:
    points, beside = st.columns([3, 2], gap="medium")
    with points:
        _show_points(session, collection, topics)
    with beside:
        opened = st.session_state.get(_OPEN)
        if opened is None or not _show_passage(session, collection, opened):
            _show_topics(topics)


def _show_points(session: Session, collection: str, topics: Topics) -> None:
    step = -(-len(topics.placed) // _MOST_POINTS)
    placed = topics.placed[::step]
    passages = session.documents.passages(collection, [one.chunk_id for one in placed])
    st.altair_chart(
        map_plot(topics, placed, {one.chunk_id: one for one in passages}),
        key="map",
        on_select=_picked,
        selection_mode=PICKED,
        alt=t("map.alt"),
    )
    if step > 1:
        st.caption(t("map.sampled", shown=len(placed), all=len(topics.placed)))


def _picked() -> None:
    picked: list[dict[str, Any]] = st.session_state["map"].selection.get(PICKED) or []
    _open(picked[0]["chunk"] if picked else None)


def _open(chunk_id: int | None) -> None:
    st.session_state[_OPEN] = chunk_id


def _show_passage(session: Session, collection: str, chunk_id: int) -> bool:
    """The words of a passage among those around it; whether it is still there."""
    passage = next(iter(session.documents.passages(collection, [chunk_id])), None)
    if passage is None:
        return False
    with st.container(key="map_passage"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(passage.title or passage.uri)}**", width="stretch")
            st.button(t("map.close"), icon=":material/close:", type="tertiary", on_click=_open, args=(None,))
        if passage.page is not None:
            st.caption(t("source.page", page=passage.page))
        excerpt = session.documents.excerpt(passage.document_id, [(passage.start, passage.end)], _AROUND)
        st.html(
            f'<div class="rg-passage" tabindex="0" role="region" aria-label="{escaped(t("map.passage"))}">'
            f"{marked(excerpt.text, excerpt.marked)}</div>"
        )
    return True


def _show_topics(topics: Topics) -> None:
    st.subheader(t("map.topics"), anchor=False)
    for topic in topics.topics:
        words = ", ".join(topic.words[:5])
        st.html(
            f'<p class="rg-topic"><span style="background:{colour(topic.number - 1)}"></span>'
            f"<b>{escaped(t('map.topic', number=topic.number, words=words))}</b>"
            f"<i>{escaped(t('map.counts', chunks=topic.chunks, documents=topic.documents))}</i></p>"
        )
        with st.container(gap=None, key=f"topic-{topic.number}"):
            for example in topic.examples:
                st.button(
                    plain(example.title or example.uri),
                    key=f"example-{topic.number}-{example.chunk_id}",
                    type="tertiary",
                    icon=":material/article:",
                    on_click=_open,
                    args=(example.chunk_id,),
                )
