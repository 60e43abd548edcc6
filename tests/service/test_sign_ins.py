from __future__ import annotations

import pytest

from ragent.errors import NotSignedIn, TooMuch
from ragent.service import Caller, Service
from ragent.service.sign_ins import SignIns
from tests.service.conftest import PASSWORD


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sign_ins(service: Service, clock: Clock) -> SignIns:
    return SignIns(service.people, 2.0, clock)


def refused(sign_ins: SignIns, token: str) -> bool:
    try:
        sign_ins.caller(token)
    except NotSignedIn:
        return True
    return False


def test_signing_in_holds_for_the_hours_that_are_set(sign_ins: SignIns, clock: Clock) -> None:
    token = sign_ins.begin("ed", PASSWORD, "here")
    clock.now += 2 * 3600 - 1
    assert sign_ins.caller(token) == Caller("ed", "editor")
    clock.now += 1
    assert refused(sign_ins, token)


def test_signing_out_ends_it_and_nothing_else(sign_ins: SignIns) -> None:
    one, other = (sign_ins.begin("ed", PASSWORD, "here") for _ in range(2))
    sign_ins.end(one)
    assert refused(sign_ins, one)
    assert not refused(sign_ins, other)
    assert refused(sign_ins, "made up")


def test_what_an_admin_changes_holds_at_once(service: Service, sign_ins: SignIns) -> None:
    token = sign_ins.begin("ed", PASSWORD, "here")
    service.people.change("ed", role="reader")
    assert sign_ins.caller(token).role == "reader"
    service.people.change("ed", disabled=True)
    assert refused(sign_ins, token)
    service.people.change("ed", disabled=False)
    assert not refused(sign_ins, token)
    service.people.change("ed", password="quite another one")
    assert refused(sign_ins, token)


def test_somebody_of_the_same_name_is_another(service: Service, sign_ins: SignIns) -> None:
    token = sign_ins.begin("ed", PASSWORD, "here")
    service.people.remove("ed")
    assert refused(sign_ins, token)
    service.people.add("ed", "editor", PASSWORD)
    assert refused(sign_ins, token)


def test_attempts_are_few_for_a_name_from_anywhere(sign_ins: SignIns, clock: Clock) -> None:
    for number in range(10):
        with pytest.raises(NotSignedIn, match="don't go together"):
            sign_ins.begin("ed", "wrong", f"192.0.2.{number}")
    with pytest.raises(TooMuch):
        sign_ins.begin("ed", PASSWORD, "192.0.2.99")
    clock.now += 60
    assert sign_ins.begin("ed", PASSWORD, "192.0.2.99")


def test_attempts_are_few_from_an_address_for_any_name(sign_ins: SignIns) -> None:
    for number in range(30):
        with pytest.raises(NotSignedIn):
            sign_ins.begin(f"nobody{number}", "", "192.0.2.1")
    with pytest.raises(TooMuch):
        sign_ins.begin("ed", PASSWORD, "192.0.2.1")
    assert sign_ins.begin("ed", PASSWORD, "192.0.2.2")


def test_a_token_is_handed_over_once_and_soon(sign_ins: SignIns, clock: Clock) -> None:
    token = sign_ins.begin("ed", PASSWORD, "here")
    word = sign_ins.hand(token)
    assert sign_ins.taken(word) == token
    late = sign_ins.hand(token)
    clock.now += 60
    for spent in (word, late, "made up"):
        with pytest.raises(NotSignedIn):
            sign_ins.taken(spent)
