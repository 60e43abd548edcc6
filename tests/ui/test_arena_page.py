"""The arena: blind votes by buttons and keys, counted once, and the standings."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from ragent.store import Store
from ragent.store.judgements import arenas, votes_in
from tests.agent.served import model_server, text

from .conftest import OpenPage, Pages, running, screenshot, settled
from .kept_runs import HOSTILE, keep_runs

# A model is loaded first, on a machine that may have much else to do.
LOADING_MS = 120_000


@pytest.fixture
def arena(harbour_home: Path, tmp_path: Path) -> Iterator[Pages]:
    home = tmp_path / "home"
    shutil.copytree(harbour_home, home)
    keep_runs(home)
    with running(home) as pages:
        yield pages


def test_votes_are_counted(arena: Pages, open_page: OpenPage) -> None:
    page = settled(open_page(f"{arena.url}/arena"))
    question = page.locator(".rg-question")
    expect(page.get_by_text("Nobody has voted yet.")).to_be_visible()
    expect(page.locator(".rg-answer")).to_have_count(2)
    expect(page.locator(".rg-answer", has_text=HOSTILE.split("*")[0].strip())).to_have_count(1)
    assert page.locator(".rg-answer img").count() == 0
    asked = question.inner_text()
    page.get_by_role("button", name="A is better").click()
    expect(question).not_to_have_text(asked)
    settled(page)
    asked = question.inner_text()
    page.locator("body").press("t")
    expect(question).not_to_have_text(asked)
    settled(page)
    expect(page.get_by_test_id("stVegaLiteChart")).to_be_visible()
    for left in range(6, 0, -1):
        asked = question.inner_text()
        page.get_by_role("button", name="B is better").click()
        if left > 1:
            expect(question).not_to_have_text(asked)
            settled(page)
    expect(page.get_by_text("You have voted on every pair.")).to_be_visible()
    with Store.open(arena.home) as store, store.reading() as connection:
        (name,) = arenas(connection)
        votes = votes_in(connection, name)
    assert len(votes) == 8
    assert [vote.winner for vote in votes].count("tie") == 1
    assert len({vote.case_id for vote in votes}) == 8


@pytest.mark.parametrize(("phone", "dark"), [(False, False), (False, True), (True, False)])
def test_it_is_readable(arena: Pages, open_page: OpenPage, phone: bool, dark: bool) -> None:
    page = settled(open_page(f"{arena.url}/arena", phone=phone, dark=dark))
    question = page.locator(".rg-question")
    asked = question.inner_text()
    page.get_by_role("button", name="A is better").click()
    expect(question).not_to_have_text(asked)
    expect(page.get_by_test_id("stVegaLiteChart")).to_be_visible()
    settled(page)
    screenshot(page, f"arena-{'phone' if phone else 'desk'}-{'dark' if dark else 'light'}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_question_of_ones_own(harbour_home: Path, tmp_path: Path, open_page: OpenPage) -> None:
    home = tmp_path / "home"
    shutil.copytree(harbour_home, home)
    said = text("Grit is used, not salt, on the linkspan.")
    with model_server(said) as model, running(home, config=f'[llm]\nurl = "{model.url}"\n') as pages:
        page = settled(open_page(f"{pages.url}/arena"))
        page.get_by_text("A question of my own").click()
        settled(page)
        page.get_by_role("textbox", name="Your question").fill(
            "Why is grit spread on the ramp in winter rather than salt?"
        )
        page.get_by_role("button", name="Ask both").click()
        answers = page.locator(".rg-answer")
        expect(answers).to_have_count(2, timeout=LOADING_MS)
        expect(answers.filter(has_text="because salt attacks the rams")).to_have_count(1)
        screenshot(page, "arena-own")
        page.get_by_role("button", name="No difference").click()
        expect(page.get_by_text("Your vote is kept.")).to_be_visible()
        expect(page.get_by_test_id("stVegaLiteChart")).to_be_visible()
    with Store.open(home) as store, store.reading() as connection:
        assert [vote.winner for vote in votes_in(connection, "asked of default")] == ["tie"]
