from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ragent.errors import TooMuch
from ragent.server.asking import Guesses
from tests.server.conftest import Inside, OpenServer

PASSWORD = "a long password"
MODELS = "/v1/models"


@pytest.fixture
def signed(open_server: OpenServer) -> Inside:
    """A server in which ed signs in by PASSWORD."""
    inside = open_server(sign_in="password")
    inside.service.people.add("ed", "editor", PASSWORD)
    return inside


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def names(inside: Inside, headers: dict[str, str]) -> list[str]:
    answer = inside.client.get(MODELS, headers=headers)
    assert answer.status_code == 200, answer.text
    return [model["id"] for model in answer.json()["data"]]


def test_asks_nobody_to_sign_in_where_that_is_off(open_server: OpenServer) -> None:
    inside = open_server()
    assert inside.client.get(MODELS).status_code == 200
    assert inside.client.get(MODELS, headers=bearer("sk-what-openai-clients-send")).status_code == 200


def test_a_key_narrows_even_where_nobody_signs_in(open_server: OpenServer) -> None:
    inside = open_server()
    key = inside.service.people.make_key("one", "", "reader", ["law"])
    assert "ragent/default" in names(inside, {})
    assert "ragent/default" not in names(inside, bearer(key))
    assert inside.client.get(MODELS, headers=bearer("rgt_no_key")).status_code == 401


def test_a_key_opens_until_it_is_revoked_or_over(signed: Inside) -> None:
    people = signed.service.people
    key = people.make_key("program", "ed", "reader")
    over = people.make_key("old", "ed", "reader", expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert signed.client.get(MODELS, headers=bearer(key)).status_code == 200
    assert signed.client.get(MODELS, headers=bearer(over)).status_code == 401
    people.revoke(key.split("_")[1])
    assert signed.client.get(MODELS, headers=bearer(key)).status_code == 401


def test_says_how_to_sign_in(signed: Inside) -> None:
    answer = signed.client.get(MODELS)
    told = answer.json()["error"]
    assert answer.status_code == 401
    assert [value.split()[0] for value in answer.headers.get_list("WWW-Authenticate")] == ["Bearer", "Basic"]
    assert told["type"] == "authentication_error"
    assert told["code"] == "invalid_api_key"
    assert told["request_id"] == answer.headers["X-Request-ID"]


def test_takes_a_name_and_password(signed: Inside) -> None:
    assert signed.client.get(MODELS, auth=("ed", PASSWORD)).status_code == 200
    assert signed.client.get(MODELS, auth=("ed", "another password")).status_code == 401
    assert signed.client.get(MODELS, headers={"Authorization": "Basic !!!"}).status_code == 401


def test_guesses_of_passwords_are_numbered() -> None:
    now = [0.0]
    guesses = Guesses(lambda: now[0])
    for _ in range(10):
        guesses.check("1.2.3.4", "ed")
        guesses.note("1.2.3.4", "ed")
    with pytest.raises(TooMuch) as caught:
        guesses.check("1.2.3.4", "ed")
    assert 0 < caught.value.retry_after <= 60
    guesses.check("5.6.7.8", "ed")
    guesses.check("1.2.3.4", "ada")
    now[0] = 60.0
    guesses.check("1.2.3.4", "ed")


def test_guesses_of_many_names_from_one_address_are_numbered() -> None:
    guesses = Guesses(lambda: 0.0)
    for number in range(100):
        guesses.check("1.2.3.4", f"name{number}")
        guesses.note("1.2.3.4", f"name{number}")
    with pytest.raises(TooMuch):
        guesses.check("1.2.3.4", "another")


def test_a_right_password_is_no_use_after_too_many_wrong_ones(signed: Inside) -> None:
    guesses = signed.client.app.state.guesses
    for _ in range(10):
        guesses.note("testclient", "ed")
    answer = signed.client.get(MODELS, auth=("ed", PASSWORD))
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0


def test_believes_the_header_of_a_proxy(open_server: OpenServer) -> None:
    inside = open_server(sign_in="header", proxies=["testclient"], user_header="X-User")
    assert inside.client.get(MODELS, headers={"X-User": "newcomer"}).status_code == 200
    assert inside.client.get(MODELS).status_code == 401
    assert inside.client.get(MODELS, headers=[("X-User", "ed"), ("X-User", "ada")]).status_code == 401


def test_believes_the_header_of_nobody_else(open_server: OpenServer) -> None:
    inside = open_server(sign_in="header", user_header="X-User")
    told = {"X-User": "ada", "X-Forwarded-For": "127.0.0.1"}
    assert inside.client.get(MODELS, headers=told).status_code == 401
    key = inside.service.people.make_key("program", "", "reader")
    assert inside.client.get(MODELS, headers=bearer(key)).status_code == 200


def test_refuses_newcomers_where_it_is_said(open_server: OpenServer) -> None:
    inside = open_server(sign_in="header", proxies=["testclient"], new_people="refuse")
    inside.service.people.add("ada", "reader")
    assert inside.client.get(MODELS, headers={"X-Forwarded-User": "ada"}).status_code == 200
    assert inside.client.get(MODELS, headers={"X-Forwarded-User": "eve"}).status_code == 401


def test_tells_who_asks_too_often_when_to_come_back(open_server: OpenServer) -> None:
    inside = open_server(requests_a_minute=2)
    answers = [inside.client.get(MODELS) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    assert answers[-1].json()["error"]["type"] == "rate_limit_error"


def test_a_key_of_its_own_has_a_rate_of_its_own(open_server: OpenServer) -> None:
    inside = open_server(requests_a_minute=1)
    one, other = (inside.service.people.make_key(name, "", "reader") for name in ("one", "other"))
    assert inside.client.get(MODELS, headers=bearer(one)).status_code == 200
    assert inside.client.get(MODELS, headers=bearer(one)).status_code == 429
    assert inside.client.get(MODELS, headers=bearer(other)).status_code == 200
