"""The language model in use, and those that are on this disk."""

from __future__ import annotations

import streamlit as st

from ragent.llm.models import ModelInfo, installed_models
from ragent.service import Session
from ragent_ui.markup import plain
from ragent_ui.settings.keeping import keep
from ragent_ui.words import t

_MB = 1e6


def show_models(session: Session) -> None:
    """Draw it. A model is loaded once for all, so another is used from the next start on."""
    llm = session.service.settings.llm
    if llm.url:
        st.markdown(t("settings.model_by_url", model=plain(llm.model), url=plain(", ".join(llm.urls))))
        return
    st.markdown(t("settings.model_now", model=plain(llm.model)))
    found = installed_models(session.service.home / "models")
    st.table([_row(model) for model in found])
    st.caption(t("settings.model_pull"))
    if not session.caller.is_admin:
        return
    usable = [model.name for model in found if not model.error]
    with st.form("model", border=False):
        chosen = st.selectbox(t("settings.model_next"), usable)
        if st.form_submit_button(t("settings.model_use")) and chosen:
            keep(session, {"llm": {"model": chosen}})
            st.success(plain(t("settings.model_kept", model=chosen)), icon=":material/check_circle:")


def _row(model: ModelInfo) -> dict[str, str]:
    fits = "fits" if model.fits else "too_large"
    return {
        t("settings.model_name"): plain(model.name),
        t("settings.model_build"): plain(model.quantization),
        t("settings.model_file"): f"{model.size_bytes / _MB:.0f} MB",
        t("settings.model_memory"): f"{model.memory_bytes / _MB:.0f} MB" if model.memory_bytes else "",
        t("settings.model_fits"): plain(model.error) or t(f"settings.{fits}"),
    }
