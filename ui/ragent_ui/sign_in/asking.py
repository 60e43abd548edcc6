"""Who asks in a browser tab: by a password given there or kept in its cookie, or by what a proxy says."""

from __future__ import annotations

import hashlib
import ipaddress
import json

import streamlit as st

from ragent.errors import NotSignedIn
from ragent.service import Caller, Service
from ragent_ui.sign_in.paths import KEEP

_TOKEN, _WORD = "sign_in_token", "sign_in_word"
_THIS_MACHINE = "127.0.0.1"


def who_asks(service: Service) -> Caller | None:
    """They; None for somebody who has to sign in first.

    Raises:
        NotSignedIn: a proxy names somebody who may not use this, or two at once.
    """
    if service.settings.server.sign_in == "header":
        return _vouched_for(service)
    try:
        return service.sign_ins.caller(_token(service))
    except NotSignedIn:
        return None


def sign_in(service: Service, name: str, password: str) -> None:
    """From now on it is them who ask in this tab, and in this browser once its cookie is set.

    Raises:
        NotSignedIn: in the same words, whatever is wrong.
        TooMuch: too many attempts.
    """
    token = service.sign_ins.begin(name, password, _caller_address(service))
    st.session_state.clear()  # of whoever was here before
    st.session_state[_TOKEN] = token
    st.session_state[_WORD] = service.sign_ins.hand(token)


def sign_out(service: Service) -> None:
    """Nobody asks any more; the cookie is worth nothing, and nothing of them is left in the tab."""
    service.sign_ins.end(_token(service))
    st.session_state.clear()


def hand_over() -> None:
    """Have the browser exchange a word for its cookie, which no script can read, that of a page included."""
    word = st.session_state.pop(_WORD, "")
    if word:
        asked = json.dumps({"method": "POST", "body": word})
        st.html(f"<script>fetch({json.dumps(KEEP)}, {asked})</script>", unsafe_allow_javascript=True)


def cookie_of(service: Service) -> str:
    """The cookie's name: homes on other ports of this machine have their own."""
    return f"ragent-{hashlib.sha256(str(service.home).encode()).hexdigest()[:12]}"


def _token(service: Service) -> str:
    given: str = st.session_state.get(_TOKEN) or st.context.cookies.get(cookie_of(service)) or ""
    return given


def _vouched_for(service: Service) -> Caller | None:
    settings = service.settings.server
    names = st.context.headers.get_all(settings.user_header)
    if _peer() not in settings.proxies or not any(names):
        return None
    if len(names) > 1:
        raise NotSignedIn(f"{settings.user_header} is there more than once", hint="see to the proxy")
    return service.people.named(names[0], None if settings.new_people == "refuse" else settings.new_people)


def _peer() -> str:
    """The address that the connection came from; Streamlit gives none for this machine's own."""
    address = st.context.ip_address or _THIS_MACHINE
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)


def _caller_address(service: Service) -> str:
    """The address to count attempts of: that before the last proxy, where one is in front."""
    peer = _peer()
    told = (st.context.headers.get("X-Forwarded-For") or "").rpartition(",")[2].strip()
    return told[:100] if told and peer in service.settings.server.proxies else peer
