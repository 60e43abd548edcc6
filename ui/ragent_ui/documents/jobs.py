"""What is being read, as it goes on, and what came of it. Both are in the database: a reload shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from ragent.errors import RagentError
from ragent.service import Session
from ragent.service.jobs import Job
from ragent.service.session import CollectionInfo
from ragent_ui.documents.telling import name_of
from ragent_ui.errors import errors_shown, show_error
from ragent_ui.markup import cut, plain
from ragent_ui.words import t

_POLL_SECONDS = 1.0
_READ = "documents_read"
_MOST_FAILED = 200
_COUNTS = ("added", "updated", "moved", "unchanged", "deleted")


def show_jobs(session: Session, info: CollectionInfo) -> bool:
    """Draw those of a collection: the ones that go on, and the last that is over. Whether any goes on."""
    of_it = [job for job in session.jobs() if job.collection == info.name]
    going = [job for job in of_it if not job.is_over]
    if going:
        # The page without them was drawn once: as soon as one is over, all of it is drawn anew.
        st.fragment(_show_going, run_every=_POLL_SECONDS)(session, [job.id for job in going], info.role)
    last = next((job for job in of_it if job.is_over), None)
    if last is not None and last.id not in st.session_state.setdefault(_READ, set()):
        _show_over(session, last, may_go_on=not going)
    return bool(going)


def _show_going(session: Session, ids: Sequence[str], role: str) -> None:
    with errors_shown():
        # One that isn't there any more ended, and went with a document that was forgotten.
        jobs = [job for job in session.jobs() if job.id in ids]
        if len(jobs) < len(ids) or any(job.is_over for job in jobs):
            st.rerun()
        for job in jobs:
            with st.container(horizontal=True, vertical_alignment="center", key=f"job-{job.id}"):
                st.progress(_share(job.progress), _going(job))
                if role != "reader" and st.button(
                    t("documents.cancel"), key=f"cancel-{job.id}", icon=":material/stop_circle:"
                ):
                    session.cancel(job.id)


def _share(progress: Mapping[str, Any]) -> float:
    total = progress.get("total") or 0
    return min(1.0, progress["done"] / total) if total else 0.0


def _going(job: Job) -> str:
    now = job.progress
    if not now:
        return t("documents.waiting") if job.state == "waiting" else t("documents.beginning")
    said = t("documents.progress", done=now["done"], total=now["total"], chunks=now["chunks"])
    return f"{said} · {plain(cut(name_of(now['uri']), 60))}" if now.get("uri") else said


def _show_over(session: Session, job: Job, *, may_go_on: bool) -> None:
    with st.container(key="job_over", border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{t(_headline(job))}** · {_counted(job)}", width="stretch")
            st.button(
                t("documents.read"),
                icon=":material/close:",
                type="tertiary",
                on_click=st.session_state[_READ].add,
                args=(job.id,),
            )
        if error := job.report.get("error"):
            show_error(error, job.report.get("hint") or "")
        _show_failed(job.report.get("failed") or ())
        if may_go_on and job.asked.get("dry_run") and job.state == "done":
            _show_going_on(session, job)


def _headline(job: Job) -> str:
    if job.asked.get("dry_run"):
        return "documents.over_dry"
    failed = bool(job.report.get("failed"))
    return f"documents.over_{job.state}" + ("_partly" if failed and job.state == "done" else "")


def _counted(job: Job) -> str:
    """The counts that aren't nought."""
    report = job.report
    said = [t(f"documents.{name}", count=report[name]) for name in _COUNTS if report.get(name)]
    if failed := len(report.get("failed") or ()):
        said.append(t("documents.failed", count=failed))
    if report.get("chunks") and not job.asked.get("dry_run"):
        said.append(t("documents.in_chunks", chunks=report["chunks"], seconds=report["seconds"]))
    return " · ".join(said) or t("documents.nothing_done")


def _show_failed(failed: Sequence[Mapping[str, str]]) -> None:
    if not failed:
        return
    lines = [f"- **{plain(name_of(one['uri']))}**: {plain(one['error'])}" for one in failed[:_MOST_FAILED]]
    if len(failed) > _MOST_FAILED:
        lines.append(f"- {t('documents.more_failed', count=len(failed) - _MOST_FAILED)}")
    st.markdown("\n".join(lines))
    st.caption(t("documents.failed_what"))


def _show_going_on(session: Session, job: Job) -> None:
    if not any(job.report.get(name) for name in ("added", "updated", "moved", "deleted")):
        return
    if st.button(t("documents.sync_do"), type="primary", icon=":material/sync:"):
        try:
            session.sync(job.collection, delete=bool(job.asked.get("delete")))
        except RagentError as error:
            show_error(error.message, error.hint)
        else:
            st.rerun()
