"""What the chat shows before there is anything to show: how to begin."""

from __future__ import annotations

import streamlit as st

from ragent.errors import RagentError
from ragent.service import Session
from ragent.service.jobs import Job
from ragent_ui import samples
from ragent_ui.errors import errors_shown, show_error
from ragent_ui.markup import plain
from ragent_ui.navigation import page
from ragent_ui.words import t

_JOB = "samples_job"
_POLL_SECONDS = 0.5


def show_first_start(session: Session, collection: str) -> None:
    """Nothing was ingested yet."""
    with st.container(key="welcome"):
        st.header(t("welcome.title"), anchor=False)
        st.markdown(t("welcome.what"))
        job = _job(session, collection)
        if job is not None and not job.is_over:
            _follow(session, job.id)
            return
        if job is not None and job.state == "failed":
            show_error(str(job.report.get("error", "")), str(job.report.get("hint", "")))
        if session.role_in(collection) == "reader":
            st.info(t("welcome.reader"), icon=":material/lock:")
            return
        with st.container(horizontal=True):
            with errors_shown():
                if st.button(t("welcome.samples"), type="primary", icon=":material/auto_stories:"):
                    st.session_state[_JOB] = samples.ingest_samples(session, collection).id
                    st.rerun()
            if st.button(t("welcome.own"), icon=":material/upload_file:"):
                st.switch_page(page("documents"))
        st.caption(t("welcome.samples_what"))


def show_invitation(session: Session, collection: str) -> str | None:
    """There are documents, and nothing was asked yet. A question that was chosen, if any."""
    info = next((info for info in session.collections() if info.name == collection), None)
    with st.container(key="welcome"):
        st.header(t("welcome.ask"), anchor=False)
        if info is not None:
            st.caption(t("welcome.count", count=info.documents, name=plain(collection)))
        if not samples.are_there(session, collection):
            return None
        st.markdown(t("welcome.try"))
        for name in ("welcome.question_1", "welcome.question_2", "welcome.question_3"):
            if st.button(t(name), icon=":material/arrow_outward:"):
                return t(name)
    return None


def _job(session: Session, collection: str) -> Job | None:
    """What is being brought in, whoever began it; else what became of the samples."""
    for job in session.jobs():
        if job.collection == collection and not job.is_over:
            return job
    try:
        return session.job(st.session_state[_JOB])
    except (KeyError, RagentError):
        return None


@st.fragment(run_every=_POLL_SECONDS)
def _follow(session: Session, job_id: str) -> None:
    job = session.job(job_id)
    if job.is_over:
        st.rerun()
    done, total = job.progress.get("done", 0), job.progress.get("total", 0)
    text = t("welcome.reading", done=done, total=total) if total else t("welcome.preparing")
    st.progress(done / total if total else 0.0, text=text)
