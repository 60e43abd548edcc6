"""Settings: what is chosen changes the next answer in this tab, and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from .conftest import OpenPage, Pages, running, screenshot, settled


@pytest.fixture(scope="module")
def pages(harbour_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """The pages over a home of this module's own: its settings are written."""
    home = tmp_path_factory.mktemp("settings") / "home"
    shutil.copytree(harbour_home, home)
    with running(home) as running_:
        yield running_


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=option).click()
    settled(page)


def go_to(page: Page, name: str) -> None:
    """By the navigation: another address would be another tab to Streamlit."""
    page.get_by_role("link", name=name, exact=True).click()
    settled(page)


def test_a_choice_changes_the_next_answer_until_it_is_reset(pages: Pages, open_page: OpenPage) -> None:
    page = settled(open_page(f"{pages.url}/settings"))
    choose(page, "How an answer is made", "Extract")
    slider = page.get_by_role("slider", name="Passages put before the model")
    slider.focus()
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    expect(slider).to_have_value("1")
    settled(page)
    go_to(page, "Chat")
    page.get_by_test_id("stChatInputTextArea").fill("How much can the crane lift?")
    page.keyboard.press("Enter")
    page.get_by_text("Details").first.click()
    # No model wrote: it read no token.
    expect(page.get_by_text("0 tokens read")).to_be_visible()
    go_to(page, "Settings")
    expect(page.get_by_role("slider", name="Passages put before the model")).to_have_value("1")
    page.get_by_role("button", name="As it was").click()
    expect(page.get_by_role("slider", name="Passages put before the model")).to_have_value("6")
    expect(page.get_by_role("button", name="As it was")).to_be_disabled()


def test_an_admin_keeps_choices_for_everybody(pages: Pages, open_page: OpenPage) -> None:
    page = settled(open_page(f"{pages.url}/settings"))
    choose(page, "What is searched by", "Words alone")
    page.get_by_role("button", name="Keep for everybody").click()
    expect(page.get_by_text("Written to ragent.toml")).to_be_visible()
    assert 'mode = "keyword"' in (pages.home / "ragent.toml").read_text()


def test_model_prompt_and_machine_are_told(pages: Pages, open_page: OpenPage) -> None:
    page = settled(open_page(f"{pages.url}/settings"))
    expect(page.get_by_text("In use: smollm2-135m")).to_be_visible()
    expect(page.get_by_text("GB free of")).to_be_visible()
    page.get_by_text("What the prompt says").click()
    expect(page.get_by_test_id("stCode").first).to_contain_text("{{")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_it_fits(pages: Pages, open_page: OpenPage, phone: bool, dark: bool) -> None:
    page = settled(open_page(f"{pages.url}/settings", phone=phone, dark=dark))
    page.get_by_text("GB free of").wait_for()
    page.get_by_role("combobox", name="What is searched by").wait_for()
    screenshot(page, f"settings{'-phone' if phone else ''}{'-dark' if dark else ''}")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
