"""Several people at one home: who gets in, and that each sees what is theirs alone."""

from __future__ import annotations

import re
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from ragent.config import load_settings
from ragent.service import Service
from tests.commands import run_command

from .conftest import OpenPage, Pages, running, screenshot, settled

PASSWORD = "a long password"
CONFIG = '[server]\nsign_in = "password"\n[ingest]\nreaders = 1\n'


def make_people(home: Path) -> None:
    """ada is an admin, ed and eva are editors, rita is a reader; one collection is ed's alone."""
    service = Service.open(home, load_settings(None, server={"sign_in": "password"}, ingest={"readers": 1}))
    for name, role in (("ada", "admin"), ("ed", "editor"), ("eva", "editor"), ("rita", "reader")):
        service.people.add(name, role, PASSWORD)  # type: ignore[arg-type]
    ed = service.session(service.people.named("ed"))
    ed.claim("plans")
    path, _ = ed.upload("plans", "plan.txt", [b"The vault opens at noon."])
    job = ed.ingest("plans", [str(path)])
    while not ed.job(job.id).is_over:
        time.sleep(0.1)
    conversation = ed.conversations.new("plans")
    ed.conversations.rename(conversation.id, "When the vault opens")
    answer = ed.conversations.ask(conversation.id, "When does it open?")
    ed.conversations.answered(answer, "The vault opens at noon.", "done", {})
    service.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    home = tmp_path_factory.mktemp("people") / "home"
    make_people(home)
    with running(home, config=CONFIG) as running_:
        yield running_


def fill_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()


def signed_in(pages: Pages, open_page: OpenPage, name: str, at: str = "", **options: bool) -> Page:
    """A page of somebody's, with the cookie set."""
    page = settled(open_page(f"{pages.url}{at}", **options))
    with page.expect_response("**/sign-in/keep") as kept:
        fill_in(page, name)
    assert kept.value.status == 204
    return settled(page)


def test_nothing_is_shown_before_signing_in(pages: Pages, open_page: OpenPage) -> None:
    for path in ("", "/documents?document=1", "/people", "/settings", "/traces", "/account"):
        page = settled(open_page(f"{pages.url}{path}"))
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert "vault" not in page.content()
        assert "plan.txt" not in page.content()
        expect(page.get_by_role("navigation").filter(has_text="Documents")).to_have_count(0)


def test_failures_are_told_in_the_same_words(pages: Pages, open_page: OpenPage) -> None:
    page = settled(open_page(pages.url))
    for name, password in (("ed", "wrong"), ("nobody", PASSWORD), ("", "")):
        fill_in(page, name, password)
        alert = page.get_by_role("alert")
        expect(alert).to_be_visible()
        assert alert.inner_text().strip().endswith("this name and password don't go together")
        settled(page)
    screenshot(page, "sign-in-failed")


def test_signing_in_outlives_a_reload_and_ends_with_signing_out(pages: Pages, open_page: OpenPage) -> None:
    page = signed_in(pages, open_page, "ed")
    (cookie,) = (one for one in page.context.cookies() if one["name"].startswith("ragent-"))
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    page.goto(f"{pages.url}/account")
    expect(settled(page).get_by_role("heading", name="ed")).to_be_visible()
    screenshot(page, "account")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    # The cookie is still there, and worth nothing.
    page.goto(f"{pages.url}/documents")
    expect(settled(page).get_by_role("heading", name="Sign in")).to_be_visible()


def test_another_site_can_set_no_cookie(pages: Pages) -> None:
    for headers in ({}, {"Origin": "http://evil.example"}, {"Origin": pages.url}):
        asked = urllib.request.Request(f"{pages.url}/sign-in/keep", b"word", headers)
        with pytest.raises(urllib.error.HTTPError) as raised:
            urllib.request.urlopen(asked)
        with raised.value as refused:
            assert refused.code == 403
            assert refused.headers.get("Set-Cookie") is None or "ragent-" not in str(refused.headers)


def test_two_people_know_nothing_of_each_other(pages: Pages, open_page: OpenPage) -> None:
    ed = signed_in(pages, open_page, "ed")
    expect(ed.get_by_text("When the vault opens")).to_be_visible()
    ed.get_by_text("When the vault opens").click()
    settled(ed)
    conversation = re.search(r"[?&]\w+=([0-9a-f]{32})", ed.url)
    ed.goto(f"{pages.url}/documents")
    settled(ed).get_by_role("combobox", name="Collection").click()
    expect(ed.get_by_role("option", name="plans")).to_be_visible()
    ed.get_by_role("option", name="plans").click()
    ed.get_by_role("button", name="plan.txt").click()
    expect(ed.get_by_role("dialog").get_by_text("The vault opens at noon.")).to_be_visible()
    document = ed.url

    eva = signed_in(pages, open_page, "eva")
    expect(eva.get_by_text("When the vault opens")).to_have_count(0)
    eva.goto(f"{pages.url}/documents")
    settled(eva).get_by_role("combobox", name="Collection").click()
    expect(eva.get_by_role("option", name="default")).to_be_visible()
    expect(eva.get_by_role("option", name="plans")).to_have_count(0)
    guesses = [document, *([ed.url, f"{pages.url}/{conversation[0]}"] if conversation else [])]
    for guess in guesses:
        eva.goto(guess)
        settled(eva)
        assert "vault" not in eva.content()
        assert "plan.txt" not in eva.content()
    eva.goto(document)
    expect(eva.get_by_role("alert").filter(has_text="there is no document")).to_be_visible()
    expect(eva.get_by_role("dialog")).to_have_count(0)


def test_a_reader_adds_nothing(pages: Pages, open_page: OpenPage) -> None:
    page = signed_in(pages, open_page, "rita", "/documents")
    expect(page.get_by_text("You may read these documents.")).to_be_visible()
    expect(page.locator("input[type=file]")).to_have_count(0)
    expect(page.get_by_role("button", name="New collection")).to_have_count(0)
    page.goto(f"{pages.url}/people")
    settled(page)
    assert "eva" not in page.content()


def test_an_admin_sees_to_people_and_keys(pages: Pages, open_page: OpenPage) -> None:
    page = signed_in(pages, open_page, "ada", "/people")
    expect(page.get_by_text("rita · may read")).to_be_visible()
    page.get_by_text("Add somebody").first.click()
    settled(page)
    page.get_by_label("Name", exact=True).fill("new")
    page.get_by_label("Password (8 characters or more)").last.fill("short")
    page.get_by_role("button", name="Let them in").click()
    expect(page.get_by_role("alert").filter(has_text="at least 8")).to_be_visible()
    page.get_by_label("Password (8 characters or more)").last.fill(PASSWORD)
    page.get_by_role("button", name="Let them in").click()
    expect(page.locator(".st-key-person-new")).to_be_visible()
    page.get_by_text("Make a key").first.click()
    page.get_by_label("What it is for").fill("a script")
    page.get_by_role("button", name="Make it").click()
    shown = page.get_by_text(re.compile(r"^rgt_\w+"))
    expect(shown).to_be_visible()
    screenshot(page, "people")
    page.reload()
    settled(page)
    expect(page.get_by_text("a script")).to_be_visible()
    expect(page.get_by_text(re.compile(r"^rgt_\w+"))).to_have_count(0)
    page.get_by_role("button", name="Revoke").first.click()
    expect(page.get_by_text("revoked")).to_be_visible()


def test_being_locked_out_holds_at_once(pages: Pages, open_page: OpenPage) -> None:
    page = signed_in(pages, open_page, "eva")
    for change, heading in (("--disable", True), ("--enable", False)):
        run_command("--home", pages.home, "people", "change", "eva", change).check_returncode()
        page.goto(f"{pages.url}/documents")
        expect(settled(page).get_by_role("heading", name="Sign in")).to_have_count(int(heading))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_it_fits(pages: Pages, open_page: OpenPage, phone: bool, dark: bool) -> None:
    page = settled(open_page(pages.url, phone=phone, dark=dark))
    expect(page.get_by_label("Password", exact=True)).to_be_visible()
    screenshot(page, f"sign-in{'-phone' if phone else ''}{'-dark' if dark else ''}")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


HEADER = '[server]\nsign_in = "header"\n'


@contextmanager
def proxy(url: str, *headers: str) -> Iterator[str]:
    """Something in front of the pages that adds headers to the first request of each connection."""
    front = socket.create_server(("127.0.0.1", 0))
    added = "".join(f"{header}\r\n" for header in headers).encode()
    held = [front]

    def pump(source: socket.socket, target: socket.socket, added: bytes) -> None:
        with suppress(OSError):
            if added:
                line, end, rest = source.recv(65536).partition(b"\r\n")
                target.sendall(line + end + added + rest if line else b"")
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def serve() -> None:
        with suppress(OSError):
            while True:
                caller, _ = front.accept()
                behind = socket.create_connection(("127.0.0.1", urlsplit(url).port or 0))
                held.extend((caller, behind))
                for ends in ((caller, behind, added), (behind, caller, b"")):
                    Thread(target=pump, args=ends, daemon=True).start()

    Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{front.getsockname()[1]}"
    finally:
        for each in held:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


def test_a_proxy_says_who_asks(tmp_path: Path, open_page: OpenPage) -> None:
    with running(tmp_path / "home", config=HEADER) as proxied:
        with proxy(proxied.url, "X-Forwarded-User: zoe@example.org", "X-Forwarded-For: 192.0.2.7") as front:
            page = settled(open_page(f"{front}/account"))
            expect(page.get_by_role("heading", name="zoe@example.org")).to_be_visible()
        with proxy(proxied.url, "X-Forwarded-User: zoe", "X-Forwarded-User: ada") as front:
            page = settled(open_page(front))
            expect(page.get_by_role("alert").filter(has_text="more than once")).to_be_visible()
        expect_nobody(settled(open_page(proxied.url)))


def expect_nobody(page: Page) -> None:
    expect(page.get_by_text("This request came without one.")).to_be_visible()


def test_only_a_known_proxy_is_believed(tmp_path: Path, open_page: OpenPage) -> None:
    """Not even where it says to be another: what a caller says of its address counts for nothing."""
    config = HEADER + 'proxies = ["192.0.2.1"]\n'
    headers = "X-Forwarded-User: zoe", "X-Forwarded-For: 192.0.2.1"
    with running(tmp_path / "home", config=config) as proxied, proxy(proxied.url, *headers) as front:
        expect_nobody(settled(open_page(front)))
