from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ragent.errors import ConfigError, NotSignedIn, NotThere
from ragent.service import Caller, Service
from ragent.service.passwords import hashed, matches
from tests.databases import bytes_held
from tests.service.conftest import PASSWORD

pytestmark = pytest.mark.usefixtures("store_url")


def test_a_password_is_kept_as_a_salted_hash() -> None:
    kept = hashed("correct horse")
    assert "horse" not in kept
    assert kept != hashed("correct horse")
    assert matches("correct horse", kept)
    assert not matches("correct hors", kept)
    assert not matches("", "")


@pytest.mark.parametrize(
    ("name", "password"), [("ed", "wrong one"), ("nobody", PASSWORD), ("ada", ""), ("ada", PASSWORD)]
)
def test_whatever_is_wrong_the_words_are_the_same(service: Service, name: str, password: str) -> None:
    with pytest.raises(NotSignedIn, match="this name and password don't go together"):
        service.people.sign_in(name, password)


def test_somebody_signs_in_and_is_disabled(service: Service) -> None:
    assert service.people.sign_in("ed", PASSWORD) == Caller("ed", "editor")
    service.people.change("ed", disabled=True)
    with pytest.raises(NotSignedIn):
        service.people.sign_in("ed", PASSWORD)


@pytest.mark.parametrize("name", ["", "a/b", "a\nb", "..\\x", " ", "x" * 101, "a:b"])
def test_names_that_could_harm_are_refused(service: Service, name: str) -> None:
    with pytest.raises(ConfigError):
        service.people.add(name, "reader", PASSWORD)


def test_an_admin_is_always_left(service: Service) -> None:
    with pytest.raises(ConfigError):
        service.people.remove("ada")
    with pytest.raises(ConfigError):
        service.people.change("ada", role="reader")
    service.people.change("ed", role="admin")
    service.people.remove("ada")
    assert [one.name for one in service.people.all()] == ["ed", "rita", "rob"]


def test_a_key_does_what_it_says_until_it_is_revoked(service: Service) -> None:
    key = service.people.make_key("script", "ed", "admin", ["law"])
    assert service.people.by_key(key) == Caller("ed", "editor", frozenset({"law"}))
    (kept,) = service.people.keys()
    assert kept.id in key
    assert kept.collections == ("law",)
    service.people.revoke(kept.id)
    with pytest.raises(NotSignedIn):
        service.people.by_key(key)


def test_keys_that_are_none_open_nothing(service: Service) -> None:
    key = service.people.make_key("script", "ed", "reader")
    past = service.people.make_key("old", "ed", "reader", None, datetime.now(UTC) - timedelta(seconds=1))
    for wrong in ("", "rgt", key[:-1], key + "x", key.replace("rgt", "sk"), past, "rgt__"):
        with pytest.raises(NotSignedIn):
            service.people.by_key(wrong)
    service.people.remove("ed")
    with pytest.raises(NotSignedIn):
        service.people.by_key(key)
    with pytest.raises(NotThere):
        service.people.make_key("script", "ed", "reader")


def test_no_key_or_password_is_in_the_home(service: Service) -> None:
    secret = service.people.make_key("script", "", "reader").rpartition("_")[2]
    data = bytes_held(service.store)
    assert b"script" in data
    assert secret.encode() not in data
    assert PASSWORD.encode() not in data


def test_whom_a_proxy_vouches_for(service: Service) -> None:
    assert service.people.named("rita") == Caller("rita", "reader")
    assert service.people.named("new@example.org", "reader") == Caller("new@example.org", "reader")
    service.people.change("rita", disabled=True)
    for name, role in (("rita", "reader"), ("new", None), ("a/b", "reader")):
        with pytest.raises(NotSignedIn):
            service.people.named(name, role)
