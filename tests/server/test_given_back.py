"""What is given back holds no script, no header of somebody's making, and nothing from elsewhere."""

from __future__ import annotations

import re

import pytest

from tests.server.jobs import finished
from tests.server.two_people import Request, Signed, TwoPeople


def test_nothing_is_ever_given_as_a_page(two: TwoPeople) -> None:
    script = "<script>alert(1)</script>"
    page = f"<!doctype html><title>{script}</title><p>{script} The crane lifts.</p>"
    name = "<img src=x onerror=alert(1)>.html"
    sent: Request = (
        "POST",
        "/uploads",
        {"params": {"collection": "mine"}, "files": {"files": (name, page, "text/html")}},
    )
    uploaded = two.send("ed", sent)
    signed = Signed(two.client, {"Authorization": f"Bearer {two.keys['ed']}"})
    finished(signed, uploaded.json()["job"])
    listed = signed.get("/documents", params={"collection": "mine"})
    ids = [one["id"] for one in listed.json()["documents"]]
    talk = two.send(
        "ed", ("POST", "/conversations", {"json": {"collection": "mine", "title": script}})
    ).json()
    answers = [uploaded, listed, signed.get(f"/{script}"), signed.get(f"/documents/{script}")]
    answers += [signed.get(f"/documents/{id_}{what}") for id_ in ids for what in ("", "/text", "/excerpt")]
    answers += [signed.get(f"/conversations/{talk['id']}/export", params={"form": form}) for form in FORMS]
    answers += [two.send("ed", ("POST", "/search", {"json": {"query": script, script: script}}))]
    for answer in answers:
        kind = answer.headers["content-type"].partition(";")[0]
        assert kind in {"application/json", "text/markdown"}
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]


FORMS = ("markdown", "json")


@pytest.mark.parametrize(
    "title", ['a"\r\nX-Injected: 1', "x; filename=evil.exe", "Größe 日本\u202egpj", "a\0b/../c"]
)
@pytest.mark.parametrize("form", FORMS)
def test_a_title_stays_within_its_header(two: TwoPeople, title: str, form: str) -> None:
    new: Request = ("POST", "/conversations", {"json": {"collection": "mine", "title": title}})
    made = two.send("ed", new)
    assert made.status_code == 201, made.text
    answer = two.send("ed", ("GET", f"/conversations/{made.json()['id']}/export", {"params": {"form": form}}))
    assert "x-injected" not in answer.headers
    given = answer.headers["content-disposition"]
    assert re.fullmatch(r"attachment; filename=\"[\w ._-]+\"; filename\*=UTF-8''[\w.%~-]+", given, re.ASCII)


@pytest.mark.parametrize(
    "id_", ["..%2f..%2fetc%2fpasswd", "-1", "0", "1e3", "1%00", "9" * 40, "１", "1;ls", "%2e%2e"]
)
def test_ids_are_numbers(two: TwoPeople, id_: str) -> None:
    for ending in ("", "/text", "/excerpt", "/pages/1"):
        assert two.send("ed", ("GET", f"/documents/{id_}{ending}", {})).status_code in {400, 404}


@pytest.mark.parametrize("style", ["../../../etc/passwd", "answer@../x", "%2e%2e/answer", "{{ 7*7 }}"])
def test_a_style_is_one_of_those_there_are(two: TwoPeople, style: str) -> None:
    asked = {"question": "Where?", "collection": "mine", "style": style}
    assert two.send("ed", ("POST", "/ask", {"json": asked})).status_code == 400
    extended = {"collection": "mine", "style": style}
    chat = {"model": "ragent", "messages": [{"role": "user", "content": "Where?"}], "ragent": extended}
    assert two.send("ed", ("POST", "/v1/chat/completions", {"json": chat})).status_code == 400
    for unknown in ({"prompt": style}, {"changes": {"ask": {"prompt": style}}}):
        asked = {"question": "Where?", "collection": "mine", **unknown}
        assert two.send("ed", ("POST", "/ask", {"json": asked})).status_code == 400
