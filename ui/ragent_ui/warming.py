"""Loads the models while somebody still thinks of a question, once for all, and says how far that is."""

from __future__ import annotations

import logging
import threading
from typing import Literal

import streamlit as st

from ragent.errors import RagentError
from ragent.service import Service

_LOG = logging.getLogger(__name__)

Stage = Literal["embedder", "model", "ready"]


class Warming:
    """Begins when made. An error is left to whoever needs the model, who is told of it then."""

    def __init__(self, service: Service) -> None:
        self.stage: Stage = "embedder"
        self._service = service
        threading.Thread(target=self._run, name="ragent-warming", daemon=True).start()

    def _run(self) -> None:
        try:
            _ = self._service.root.embedder
            if self._service.settings.ask.style != "extract":
                self.stage = "model"
                _ = self._service.root.llm
        except RagentError as error:
            _LOG.warning("a model can't be loaded: %s", error)
        except Exception:
            _LOG.exception("a model can't be loaded")
        self.stage = "ready"


@st.cache_resource(show_spinner=False)
def warming(_service: Service) -> Warming:
    """The one of this process."""
    return Warming(_service)
