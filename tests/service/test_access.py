from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragent.errors import NotAllowed, NotThere
from ragent.service import Caller, Role, Service, Session
from ragent.service.access import role_in
from ragent.service.session import Asked
from tests.service.conftest import bring_in

ROLES = st.sampled_from(get_args(Role))
RANKS = {"reader": 1, "editor": 2, "admin": 3}


@given(
    role=ROLES,
    grants=st.dictionaries(st.sampled_from(["me", "you"]), ROLES),
    only=st.none() | st.frozensets(st.sampled_from(["a", "b"])),
)
def test_nobody_gets_more_than_was_given(
    role: Role, grants: dict[str, Role], only: frozenset[str] | None
) -> None:
    have = role_in(Caller("me", role, only), "a", grants)
    if only is not None and "a" not in only:
        assert have is None
    elif role == "admin" or not grants:
        assert have == role
    elif "me" not in grants:
        assert have is None
    else:
        assert have is not None
        assert RANKS[have] <= RANKS[grants["me"]]
        if only is not None:
            assert RANKS[have] <= RANKS[role]


def test_a_collection_of_ones_own_is_unknown_to_others(ada: Session, ed: Session, rita: Session) -> None:
    ed.claim("secret plans")
    document = bring_in(ed, "secret plans", "plan.txt", "The vault opens at noon on Friday.")
    assert [info.name for info in ed.collections()] == ["default", "secret plans"]
    assert [info.name for info in rita.collections()] == ["default"]
    assert "secret plans" in [info.name for info in ada.collections()]
    for attempt in (
        lambda: rita.search("secret plans", "vault", 3),
        lambda: list(rita.stream("secret plans", Asked("When does the vault open?"))),
        lambda: rita.documents.list("secret plans"),
        lambda: rita.documents.get(document),
        lambda: rita.documents.text(document),
        lambda: rita.documents.excerpt(document),
        lambda: rita.documents.page_picture(document, 1),
        lambda: rita.documents.file(document),
        lambda: rita.documents.forget(document),
        lambda: rita.upload("secret plans", "a.txt", [b"x"]),
        lambda: rita.ingest("secret plans", ["a.txt"]),
        lambda: rita.sync("secret plans"),
        lambda: rita.share("secret plans", "rita", "admin"),
        lambda: rita.job(ed.jobs()[0].id),
        lambda: rita.cancel(ed.jobs()[0].id),
    ):
        with pytest.raises(NotThere):
            attempt()
    assert rita.jobs() == []
    ed.share("secret plans", "rita", "reader")
    assert rita.documents.text(document).startswith("The vault")
    with pytest.raises(NotAllowed):
        rita.documents.forget(document)


def test_a_reader_changes_nothing(rita: Session) -> None:
    for attempt in (
        lambda: rita.upload("default", "a.txt", [b"x"]),
        lambda: rita.ingest("default", ["https://example.org"]),
        lambda: rita.sync("default"),
        lambda: rita.share("default", "rita", "admin"),
        lambda: rita.claim("mine"),
    ):
        with pytest.raises(NotAllowed):
            attempt()


def test_files_of_the_machine_are_an_admins_alone(ed: Session, service: Service) -> None:
    for name in (
        "/etc/passwd",
        "file:///etc/passwd",
        "..",
        str(service.home / "uploads" / ".." / "ragent.db"),
    ):
        with pytest.raises(NotAllowed, match="not yours"):
            ed.ingest("default", [name])


def test_a_collection_that_is_there_cannot_be_claimed(ed: Session) -> None:
    ed.claim("mine")
    bring_in(ed, "mine", "a.txt", "A text about apples.")
    with pytest.raises(NotAllowed):
        ed.claim("mine")


def test_conversations_are_ones_own(ada: Session, ed: Session) -> None:
    mine = ed.conversations.new("default")
    ed.conversations.ask(mine.id, "Is anybody there?")
    assert ada.conversations.all() == []
    for attempt in (
        lambda: ada.conversations.get(mine.id),
        lambda: ada.conversations.turns(mine.id),
        lambda: ada.conversations.rename(mine.id, "x"),
        lambda: ada.conversations.delete(mine.id),
        lambda: ada.conversations.cut(mine.id, "x"),
    ):
        with pytest.raises(NotThere):
            attempt()
