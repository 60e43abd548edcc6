"""Writes what was chosen into ragent.toml, for everybody, from the next start on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from ragent.config import CONFIG_NAME, find_config
from ragent.service import Session
from ragent.service.access import require_role
from ragent.service.service import changed
from ragent_evals.tuning.settings_file import write_settings
from ragent_ui.errors import errors_shown
from ragent_ui.markup import plain
from ragent_ui.words import t


def show_keeping(session: Session, held: Mapping[str, Mapping[str, Any]]) -> None:
    """Draw the button."""
    if st.button(t("settings.keep"), icon=":material/save:"):
        with errors_shown():
            path = keep(session, held)
            st.success(plain(t("settings.kept", file=path.name)), icon=":material/check_circle:")


def keep(session: Session, held: Mapping[str, Mapping[str, Any]]) -> Path:
    """Write settings, by section; the file.

    Raises:
        NotAllowed: they are no admin.
        ConfigError: a value is impossible, or the file can't be written.
    """
    require_role(session.caller.role, "admin")
    changed(session.service.settings, held)
    path = find_config(session.service.home) or session.service.home / CONFIG_NAME
    for section, values in held.items():
        write_settings(path, section, {name: _toml(value) for name, value in values.items()})
    return path


def _toml(value: object) -> str:
    """A string, a number or strings as TOML, which writes them as JSON does."""
    return json.dumps(list(value) if isinstance(value, tuple) else value)
