"""What was done when: the newest traces, and one of them as a tree of its steps in time."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from ragent.service import Session
from ragent.store import TraceSummary, Wanted
from ragent_ui.markup import plain
from ragent_ui.quality import quality_page
from ragent_ui.surroundings import require_session
from ragent_ui.traces.tree import drawn, duration
from ragent_ui.words import t

_PARAMETER = "trace"
_KINDS = ("", "ask", "search", "agent", "ingest", "case")
_COUNTS = (25, 50, 100, 200)


def show() -> None:
    """Draw it."""
    session = require_session()
    with quality_page("traces"):
        chosen = st.query_params.get(_PARAMETER)
        if chosen:
            _show_one(session, chosen)
        else:
            _show_list(session)


def _show_list(session: Session) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = st.selectbox(
            t("traces.kind"), _KINDS, format_func=lambda name: t(f"traces.{name or 'all'}"), width=180
        )
        count = st.selectbox(t("traces.count"), _COUNTS, width=120)
        errors = st.toggle(t("traces.errors"))
    found = session.quality.traces(Wanted(count, kind, 0, errors))
    if not found:
        st.info(t("traces.none"), icon=":material/timeline:")
        return
    with st.container(key="traces", gap=None):
        for one in found:
            st.button(
                plain(_line(one)),
                key=f"trace-{one.root.trace_id}",
                type="tertiary",
                icon=":material/error:" if one.failed else ":material/chevron_right:",
                width="stretch",
                on_click=_open,
                args=(one.root.trace_id,),
            )


def _line(one: TraceSummary) -> str:
    root = one.root
    parts = [_clock(root.started_ns), root.name, duration(root), t("traces.spans", count=one.spans)]
    if one.input_tokens or one.output_tokens:
        parts.append(t("traces.tokens", read=one.input_tokens, written=one.output_tokens))
    if one.failed:
        parts.append(t("traces.failed"))
    return "  ·  ".join(parts)


def _show_one(session: Session, trace_id: str) -> None:
    st.button(t("traces.back"), icon=":material/arrow_back:", type="tertiary", on_click=_close)
    for trace in session.quality.trace(trace_id):
        began = _clock(trace.root.started_ns)
        st.caption(t("traces.trace", id=plain(trace.root.trace_id), time=plain(began)))
        st.html(drawn(trace))


def _open(trace_id: str) -> None:
    st.query_params[_PARAMETER] = trace_id


def _close() -> None:
    st.query_params.pop(_PARAMETER, None)


def _clock(unix_ns: int) -> str:
    return datetime.fromtimestamp(unix_ns / 1e9).astimezone().strftime("%Y-%m-%d %H:%M:%S")
