from __future__ import annotations

from pathlib import Path

import pytest

from ragent.errors import NotAllowed, NotThere
from ragent.service import Caller, Service, Session
from ragent.service.uploads import keep


@pytest.fixture
def key(service: Service) -> Session:
    """A key of an admin's that opens one collection."""
    return service.session(Caller("ada", "admin", frozenset({"open"})))


def test_a_key_for_one_collection_sees_no_conversation_over_another(ada: Session, key: Session) -> None:
    ada.conversations.rename(ada.conversations.new("open").id, "about the open one")
    hidden = ada.conversations.new("hidden")
    assert [one.collection for one in key.conversations.all()] == ["open"]
    assert len(ada.conversations.all()) == 2
    for touch in (key.conversations.get, key.conversations.turns, key.conversations.delete):
        with pytest.raises(NotThere, match=f"there is no conversation '{hidden.id}'"):
            touch(hidden.id)
    with pytest.raises(NotThere):
        key.conversations.new("hidden")


def test_a_key_for_one_collection_reads_no_files_of_the_machine(key: Session, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("The safe is behind the chart.")
    with pytest.raises(NotAllowed):
        key.ingest("open", [str(tmp_path / "secret.txt")])
    with pytest.raises(NotAllowed):
        key.claim("another")


def test_uploads_are_read_into_their_own_collection_only(service: Service, ed: Session) -> None:
    theirs = keep(service.home, "theirs", "secret.txt", [b"The safe is behind the chart."], 1000)
    mine = keep(service.home, "mine", "open.txt", [b"The chart is on the wall."], 1000)
    ed.ingest("mine", [str(mine)])
    with pytest.raises(NotAllowed):
        ed.ingest("mine", [str(theirs)])


def test_an_empty_collection_names_no_other_one(service: Service, ada: Session, rita: Session) -> None:
    ada.claim("secret")
    for name in ("secret", "nothing"):
        with pytest.raises(NotThere) as told:
            rita.search(name, "boats", 5)
        assert str(told.value) == f"there is no collection {name!r}"
    with pytest.raises(NotThere, match="is empty"):
        rita.search(service.settings.collection, "boats", 5)
