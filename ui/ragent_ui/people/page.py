"""People and keys, for admins."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import streamlit as st

from ragent.service import Role, Session
from ragent.service.people import Key, People, Person
from ragent_ui.errors import errors_shown
from ragent_ui.markup import plain
from ragent_ui.surroundings import require_session
from ragent_ui.words import t

_ROLES: tuple[Role, ...] = ("reader", "editor", "admin")
_MADE = "people_key"


def show() -> None:
    """Draw it."""
    session = require_session()
    with st.container(key="people_page"):
        st.title(t("pages.people"))
        with errors_shown():
            people = session.people
            st.markdown(t("people.what"))
            _show_people(session, people)
            st.subheader(t("people.keys"))
            st.caption(t("people.keys_what"))
            _show_keys(session, people)


# -- people -------------------------------------------------------------------------------------------------


def _show_people(session: Session, people: People) -> None:
    for person in people.all():
        with st.container(horizontal=True, vertical_alignment="center", key=f"person-{person.name}"):
            told = [f"**{plain(person.name)}**", t(f"roles.{person.role}")]
            told += [t("people.disabled")] if person.disabled else []
            st.markdown(" · ".join(told), width="stretch")
            if person.name != session.caller.name:
                with st.popover(t("people.change"), key=f"change-{person.name}"):
                    _show_changing(session, people, person)
    with st.container(border=True):
        st.markdown(f":material/person_add: {t('people.add')}")
        _show_add(session, people)


def _show_changing(session: Session, people: People, person: Person) -> None:
    name = person.name
    role = st.selectbox(
        t("people.role"), _ROLES, _ROLES.index(person.role), format_func=_role, key=f"role-{name}"
    )
    _do(t("people.set_role"), f"set-role-{name}", lambda: people.change(name, role=role))
    if session.service.settings.server.sign_in == "password":
        given = st.text_input(
            t("people.password"), type="password", key=f"password-{name}", autocomplete="new-password"
        )
        _do(
            t("people.set_password"),
            f"set-password-{name}",
            lambda: people.change(name, password=given or " "),
        )
    label = t("people.enable") if person.disabled else t("people.disable")
    _do(label, f"lock-{name}", lambda: people.change(name, disabled=not person.disabled))
    st.caption(t("people.remove_what"))
    _do(t("people.remove"), f"remove-{name}", lambda: people.remove(name))


def _do(label: str, key: str, change: Callable[[], None]) -> None:
    """A button that changes something; what is wrong with that is told below it."""
    if st.button(label, key=key, width="stretch"):
        with errors_shown():
            change()
            st.rerun()


def _show_add(session: Session, people: People) -> None:
    by_password = session.service.settings.server.sign_in == "password"
    with st.form("add_person", border=False), errors_shown():
        name = st.text_input(t("people.name"), max_chars=100, autocomplete="off")
        role = st.selectbox(t("people.role"), _ROLES, format_func=_role)
        password = ""
        if by_password:
            password = st.text_input(t("people.password"), type="password", autocomplete="new-password")
        else:
            st.caption(t("people.password_header"))
        if st.form_submit_button(t("people.add_do"), type="primary"):
            # Without a password they could never sign in here: " " is told to be too short.
            people.add(name.strip(), role, password or (" " if by_password else ""))
            st.rerun()


def _role(role: str) -> str:
    return f"{role}: {t(f'roles.{role}')}"


# -- keys ---------------------------------------------------------------------------------------------------


def _show_keys(session: Session, people: People) -> None:
    made = st.session_state.pop(_MADE, "")
    if made:
        st.success(t("people.key_shown"), icon=":material/key:")
        st.code(made, language=None)
    keys = people.keys()
    if not keys:
        st.caption(t("people.no_keys"))
    for key in keys:
        with st.container(horizontal=True, vertical_alignment="center", key=f"key-{key.id}"):
            st.markdown(f"**{plain(key.name)}** · {_facts(key)}", width="stretch")
            if not key.revoked:
                _do(t("people.revoke"), f"revoke-{key.id}", lambda id_=key.id: people.revoke(id_))  # type: ignore[misc]
    with st.container(border=True):
        st.markdown(f":material/add: {t('people.key_make')}")
        _show_make(session, people)


def _facts(key: Key) -> str:
    if key.revoked:
        return t("people.key_revoked")
    opened = t("people.key_everything") if key.collections is None else ", ".join(key.collections)
    ends = (
        t("people.key_ends", date=f"{key.expires_at:%Y-%m-%d}") if key.expires_at else t("people.key_forever")
    )
    return plain(
        t(
            "people.key_facts",
            owner=key.owner or t("people.key_nobody"),
            role=key.role,
            collections=opened,
            ends=ends,
        )
    )


def _show_make(session: Session, people: People) -> None:
    owners = ["", *(person.name for person in people.all())]
    with st.form("make_key", border=False), errors_shown():
        name = st.text_input(t("people.key_name"), max_chars=100)
        owner = st.selectbox(
            t("people.key_owner"), owners, format_func=lambda one: one or t("people.key_nobody")
        )
        role = st.selectbox(t("people.role"), _ROLES, format_func=_role)
        only = st.multiselect(
            t("people.key_collections"),
            [info.name for info in session.collections()],
            placeholder=t("people.key_all"),
        )
        days = st.number_input(t("people.key_days"), min_value=0, max_value=3650, value=90)
        if st.form_submit_button(t("people.key_do"), type="primary"):
            ends = datetime.now(UTC) + timedelta(days=days) if days else None
            st.session_state[_MADE] = people.make_key(name.strip(), owner, role, only or None, ends)
            st.rerun()
