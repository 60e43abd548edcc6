"""What every page stands in: the home that is open, and who asks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import streamlit as st

from ragent.config import Settings
from ragent.errors import RagentError
from ragent.service import Service, Session

_COLLECTION = "collection"
_CHANGES = "changes"

_open: list[Service] = []


@contextmanager
def opened(home: Path, settings: Settings | None = None) -> Iterator[Service]:
    """Open a home for all pages of this process: models are loaded once, and jobs end in order.

    Raises:
        StoreError: the home can't be used.
        ConfigError: a setting is impossible.
    """
    service = Service.open(home, settings)
    _open.append(service)
    try:
        yield service
    finally:
        _open.remove(service)
        service.close()


def the_service() -> Service:
    """The home that is open. Raises RagentError outside of `opened`."""
    if not _open:
        raise RagentError("no home is open", hint="start the chat page by `ragent ui`")
    return _open[-1]


def require_session() -> Session:
    """Who asks, on any page; without them the page ends here. Raises NotSignedIn as `session_if_any`."""
    session = session_if_any()
    if session is None:
        st.stop()
    return session


def session_if_any() -> Session | None:
    """Who asks; None where somebody has to sign in first.

    Raises:
        NotSignedIn: a proxy names somebody who may not use this.
    """
    from ragent_ui.sign_in.asking import who_asks

    service = the_service()
    if service.settings.server.sign_in == "off":
        return service.anybody()
    caller = who_asks(service)
    return None if caller is None else service.session(caller)


def chosen_collection(session: Session) -> str:
    """The collection that is in use in this tab: the one chosen last, if they may still know of it."""
    names = [info.name for info in session.collections()]
    chosen = st.session_state.get(_COLLECTION)
    default = session.service.settings.collection
    return chosen if chosen in names else default if default in names or not names else names[0]


def choose_collection(name: str) -> None:
    """Use another collection in this tab, on all pages."""
    st.session_state[_COLLECTION] = name


def changes() -> dict[str, dict[str, Any]]:
    """The settings that are otherwise in this tab, by section; the settings page fills them in."""
    held: dict[str, dict[str, Any]] = st.session_state.setdefault(_CHANGES, {})
    return held
