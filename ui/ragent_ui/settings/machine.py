"""What this runs on: the processor, its memory, and what uses them."""

from __future__ import annotations

import os

import psutil  # type: ignore[import-untyped]
import streamlit as st

from ragent.config import EmbedderSettings
from ragent.service import Session
from ragent_ui.markup import plain
from ragent_ui.words import t

_GB = 2**30


def show_machine(session: Session) -> None:
    """Draw it."""
    settings = session.service.settings
    name, abilities = _processor()
    memory = psutil.virtual_memory()
    cores = _cores()
    facts = {
        "processor": name,
        "abilities": ", ".join(abilities),
        "cores": str(cores),
        "memory": t(
            "settings.memory_of", free=f"{memory.available / _GB:.1f}", total=f"{memory.total / _GB:.1f}"
        ),
        "gpu": str(settings.llm.n_gpu_layers) if settings.llm.n_gpu_layers else t("settings.no_gpu"),
        "llm_threads": str(settings.llm.threads or cores),
        "embedder": _embedder(settings.embedder, cores),
    }
    st.markdown("\n".join(f"- {t(f'settings.{key}')}: {plain(value)}" for key, value in facts.items()))
    st.caption(t("settings.doctor"))


def _embedder(embedder: EmbedderSettings, cores: int) -> str:
    if embedder.urls:
        return t("settings.embedder_served", model=embedder.model, url=", ".join(embedder.urls))
    threads = embedder.threads or cores
    return t("settings.embedder_is", model=embedder.model, device=embedder.device, threads=threads)


@st.cache_data(show_spinner=False)
def _processor() -> tuple[str, list[str]]:
    """Its name, and what it computes in, as the embedder's engine sees it."""
    import openvino

    core = openvino.Core()
    return core.get_property("CPU", "FULL_DEVICE_NAME"), list(
        core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    )


def _cores() -> int:
    # Not every platform can say which cores a process may use.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
