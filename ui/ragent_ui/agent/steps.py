"""How an agent's work looks: its steps, a call that waits for a word, and the end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import streamlit as st

from ragent.service.conversations import Turn
from ragent_ui.agent.working import Working
from ragent_ui.markup import cut, escaped, plain, written
from ragent_ui.words import t

_SUMMARY_CHARS = 140


def show_progress(working: Working) -> None:
    """The steps so far, and the call that waits for a word, if any."""
    working.seen()
    show_steps([asdict(step) for step in working.steps])
    question = working.waits_for
    if question is None:
        return
    with st.container(border=True, key="approval"):
        st.markdown(f"**{t('agent.asks')}**")
        st.html(f'<div class="rg-asks">{_call(question.call.tool, question.call.arguments)}</div>')
        st.caption(plain(question.why))
        with st.container(horizontal=True):
            st.button(
                t("agent.approve"),
                key=f"approve-{question.id}",
                type="primary",
                icon=":material/check:",
                on_click=working.settle,
                args=(question.id, True),
            )
            st.button(
                t("agent.refuse"),
                key=f"refuse-{question.id}",
                icon=":material/block:",
                on_click=working.settle,
                args=(question.id, False),
            )


def stage_of(working: Working) -> str:
    """What it does now, in a sentence."""
    return t("agent.waiting") if working.waits_for else t("agent.thinking", step=len(working.steps) + 1)


def show_run(turn: Turn) -> None:
    """What came of a task: the answer, if any, and how it was found."""
    run = turn.details["run"]
    end = t(f"agent.end_{run['stop_reason']}")
    if turn.content:
        st.html(f'<div class="rg-said">{written(turn.content, {})}</div>')
    else:
        st.warning(end, icon=":material/pause_circle:")
        if run["note"]:
            st.caption(plain(run["note"]))
    count, seconds = len(run["steps"]), run["seconds"]
    label = t("agent.done", seconds=seconds) if count == 1 else t("agent.dones", steps=count, seconds=seconds)
    read, written_out = run["usage"]["prompt_tokens"], run["usage"]["completion_tokens"]
    tokens = t("details.tokens", read=read, written=written_out)
    st.html(
        f'<details class="rg-run"><summary>{escaped(label)}</summary>{_steps(run["steps"])}'
        f"<p>{escaped(end)} {escaped(tokens)}</p></details>"
    )


def show_steps(steps: Sequence[Mapping[str, Any]]) -> None:
    """Each with what was thought, called and observed, letter by letter."""
    if steps:
        st.html(_steps(steps))


def _steps(steps: Sequence[Mapping[str, Any]]) -> str:
    return f'<ol class="rg-steps">{"".join(map(_step, steps))}</ol>'


def _step(step: Mapping[str, Any]) -> str:
    time = f'<i class="rg-seconds">{escaped(t("agent.seconds", seconds=step["seconds"]))}</i>'
    thought = f"<p>{escaped(step['thought'])}</p>" if step["thought"] else ""
    done = "".join(_calls(step)) or f"<p>{escaped(t('agent.answers'))}</p>"
    return f"<li>{time}{thought}{done}</li>"


def _calls(step: Mapping[str, Any]) -> Iterator[str]:
    calls = step["calls"]
    for place, observed in enumerate(step["observations"]):
        if place < len(calls):
            yield _call(calls[place]["tool"], calls[place]["arguments"])
        yield _observation(observed)


def _call(tool: str, arguments: Mapping[str, Any]) -> str:
    written_out = json.dumps(arguments, ensure_ascii=False)
    return f'<p class="rg-call"><b>{escaped(tool)}</b> <code>{escaped(written_out)}</code></p>'


def _observation(observed: Mapping[str, Any]) -> str:
    text = str(observed["text"])
    summary = cut(text, _SUMMARY_CHARS)
    kind = escaped(observed["kind"])
    if summary == text:
        return f'<p class="rg-observed rg-{kind}">{escaped(text)}</p>'
    return (
        f'<details class="rg-observed rg-{kind}"><summary>{escaped(summary)}</summary>'
        f"<pre>{escaped(text)}</pre></details>"
    )
