from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragent.config import load_settings
from ragent.errors import ConfigError, NotAllowed, NotSignedIn, NotThere
from ragent.service import Caller, Role, Service, Session
from ragent.service.access import role_in
from ragent.service.session import Asked
from tests.service.conftest import PASSWORD, bring_in, finished

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
        f"/etc#exclude=/../..{service.home}/uploads/a.txt",
        f"file:///etc#exclude={'/..' * 20}{service.home}/uploads/a.txt",
        f"/etc/*/../..{service.home}/uploads/a.txt",
        "feed+http://127.0.0.1/",
        "imap://mail.example.org",
        "sql+sqlite:////etc/x.db",
    ):
        with pytest.raises(NotAllowed, match="not yours"):
            ed.ingest("default", [name])


@pytest.mark.parametrize(
    "name",
    ["http://10.0.0.1/#allow_private=1", "HTTP://h/#a=b", "https://user:***@h/", "https://h/?token=***"],
)
def test_what_a_source_may_reach_is_an_admins_to_say(ed: Session, ada: Session, name: str) -> None:
    with pytest.raises(NotAllowed, match="not yours"):
        ed.ingest("default", [name])
    ada.cancel(ada.ingest("default", [name]).id)


def test_a_page_of_this_machine_is_refused_to_whoever_names_it(ed: Session) -> None:
    job = finished(ed, ed.ingest("default", ["http://127.0.0.1:1/secret"]))
    (failed,) = job.report["failed"]
    assert "127.0.0.1" in failed["error"]
    assert "private" in failed["error"]


def test_a_claimed_collection_is_no_one_elses_to_claim(ed: Session, rob: Session, ada: Session) -> None:
    ed.claim("plans")
    assert "plans" in [info.name for info in ed.collections()]
    assert "plans" not in [info.name for info in rob.collections()]
    for session in (rob, ada, ed):
        with pytest.raises(NotAllowed, match="already"):
            session.claim("plans")
    assert rob.role_in("plans") is None


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 101])
def test_names_that_cannot_be_read_are_no_collections(ed: Session, name: str) -> None:
    with pytest.raises(ConfigError):
        ed.claim(name)


def test_sharing_names_people_who_are_here(ed: Session) -> None:
    ed.claim("plans")
    with pytest.raises(NotThere, match="nobody is called 'eve'"):
        ed.share("plans", "eve", "reader")
    ed.share("plans", "rita", "reader")
    assert ed.grants("plans") == {"ed": "admin", "rita": "reader"}
    ed.share("plans", "rita", None)
    assert ed.grants("plans") == {"ed": "admin"}


def test_a_collection_keeps_somebody_who_sees_to_it(ed: Session, rita: Session) -> None:
    ed.claim("plans")
    ed.share("plans", "rita", "reader")
    for role in (None, "editor"):
        with pytest.raises(NotAllowed, match="nobody would be left"):
            ed.share("plans", "ed", role)
    ed.open_to_all("plans")
    assert rita.role_in("plans") == "reader"
    with pytest.raises(NotAllowed):
        rita.open_to_all("plans")


def test_sharing_what_was_everybodys_leaves_it_to_whoever_shares(ada: Session, ed: Session) -> None:
    ada.share("default", "rita", "editor")
    assert ada.grants("default") == {"ada": "admin", "rita": "editor"}
    assert ed.role_in("default") is None


def test_what_belonged_to_somebody_who_is_gone_is_not_everybodys(
    service: Service, ed: Session, rita: Session, ada: Session
) -> None:
    ed.claim("plans")
    service.people.remove("ed")
    assert rita.role_in("plans") is None
    assert ada.role_in("plans") == "admin"
    assert (
        service.session(service.people.by_key(service.people.make_key("any", "", "reader"))).role_in("plans")
        is None
    )


def test_people_are_seen_to_by_admins_alone(ada: Session, ed: Session, service: Service) -> None:
    assert [one.name for one in ada.people.all()] == ["ada", "ed", "rita", "rob"]
    for session in (ed, service.session(Caller("ada", "admin", frozenset({"default"})))):
        with pytest.raises(NotAllowed):
            session.people.all()


def test_a_password_is_changed_by_whoever_knows_it(ed: Session, service: Service) -> None:
    with pytest.raises(NotSignedIn):
        ed.change_password("wrong", "another password")
    with pytest.raises(ConfigError, match="at least"):
        ed.change_password(PASSWORD, "")
    ed.change_password(PASSWORD, "another password")
    assert service.people.sign_in("ed", "another password").name == "ed"


def test_a_readers_key_only_reads_what_is_its_owners(service: Service, ed: Session) -> None:
    ed.claim("plans")
    session = service.session(service.people.by_key(service.people.make_key("script", "ed", "reader")))
    assert session.role_in("plans") == "reader"
    with pytest.raises(NotAllowed):
        session.upload("plans", "a.txt", [b"x"])


def test_a_collection_that_is_claimed_where_nobody_signs_in_is_listed(tmp_path: Path) -> None:
    service = Service.open(tmp_path / "own", load_settings(None))
    session = service.anybody()
    session.claim("plans")
    assert [(info.name, info.role, info.documents) for info in session.collections()] == [
        ("default", "admin", 0),
        ("plans", "admin", 0),
    ]
    service.close()


def test_sources_are_told_without_uploads(ada: Session, rita: Session, tmp_path: Path) -> None:
    bring_in(ada, "default", "a.txt", "A text about apples.")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "b.txt").write_text("A text about bees.")
    finished(ada, ada.ingest("default", [str(tmp_path / "docs")]))
    assert ada.sources("default") == [(tmp_path / "docs").as_uri()]
    with pytest.raises(NotAllowed):
        rita.sources("default")


def test_a_dry_run_writes_nothing(ada: Session, tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.txt").write_text(f"A text about {name}.")
    finished(ada, ada.ingest("default", [str(folder)]))
    (folder / "b.txt").unlink()
    job = finished(ada, ada.sync("default", delete=True, dry_run=True))
    assert job.report["deleted"] == 1
    assert len(ada.documents.list("default")) == 2
    assert finished(ada, ada.sync("default", delete=True)).report["deleted"] == 1
    assert len(ada.documents.list("default")) == 1


def test_a_document_is_read_anew(ed: Session, rita: Session) -> None:
    document = bring_in(ed, "default", "a.txt", "A text about apples.")
    report = finished(ed, ed.documents.ingest_again(document)).report
    assert (report["updated"], report["failed"]) == (1, [])
    with pytest.raises(NotAllowed):
        rita.documents.ingest_again(document)


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


@pytest.mark.parametrize(
    "changes",
    [
        {"llm": {"url": "http://10.0.0.1/v1"}},
        {"llm": {"model": "/etc/passwd"}},
        {"rerank": {"cross_encoder": "/tmp/model"}},
        {"embedder": {"model": "/tmp/model"}},
        {"tools": {"enabled": ("python",)}},
        {"server": {"sign_in": "off"}},
        {"collection": {"x": 1}},
        {"ask": {"k": 0}},
    ],
)
def test_a_question_changes_how_it_is_answered_and_nothing_else(
    rita: Session, changes: dict[str, dict[str, object]]
) -> None:
    with pytest.raises(ConfigError):
        rita.rag("default", changes=changes)
    free = rita.rag("default", changes={"ask": {"k": 3}, "llm": {"temperature": 0.5}})
    assert (free.settings.ask.k, free.settings.llm.temperature) == (3, 0.5)
