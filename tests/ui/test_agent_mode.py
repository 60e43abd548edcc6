"""Agent mode, as somebody uses it in a browser: steps as they happen, and calls that wait for a word."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.agent.served import model_server, text, wishes
from tests.serving import Answer

from .conftest import OpenPage, Pages, running, screenshot, settled

SEARCH = ("search", '{"query": "grit on the ramp in winter", "k": 2}')
FACT = "<img src=x onerror=alert(1)> Grit, not salt, is spread on the ramp."
REMEMBER = ("remember", json.dumps({"fact": FACT}))
TOOLS = 'enabled = ["search", "open_document", "calculate", "remember"]'
# A model is loaded first, on a machine that may have much else to do.
LOADING_MS = 120_000
OpenAgents = Callable[..., Pages]


@pytest.fixture
def agents(harbour_home: Path, tmp_path: Path) -> Iterator[OpenAgents]:
    """Opens the pages over the sample documents, with a model that says what a test has written down."""
    with ExitStack() as opened:

        def open_(*turns: Answer, server: str = "") -> Pages:
            home = tmp_path / "home"
            shutil.copytree(harbour_home, home)
            model = opened.enter_context(model_server(*turns))
            config = f'[llm]\nurl = "{model.url}"\nmodel = "small"\n[tools]\n{TOOLS}\n[server]\n{server}\n'
            return opened.enter_context(running(home, config=config))

        yield open_


def held_back(answer: Answer, go_on: threading.Event) -> Answer:
    """The answer, once it may be given."""

    def wait(handler: BaseHTTPRequestHandler) -> None:
        go_on.wait(60)
        answer(handler)

    return wait


def set_to_work(page: Page, task: str) -> None:
    """Switch to agent mode, and give the task."""
    page.get_by_test_id("stCheckbox").click()
    expect(page.get_by_text("May use:")).to_be_visible()
    settled(page)
    page.get_by_test_id("stChatInputTextArea").fill(task)
    page.keyboard.press("Enter")


@pytest.mark.parametrize("agrees", [True, False])
def test_a_call_with_side_effects_waits_for_a_word(
    agents: OpenAgents, open_page: OpenPage, agrees: bool
) -> None:
    go_on = threading.Event()
    last = held_back(text("Grit is used on the ramp."), go_on)
    pages = agents(wishes(SEARCH, said="I look it up."), wishes(REMEMBER), last)
    page = settled(open_page(pages.url))
    set_to_work(page, "Find out about grit, and remember it.")
    steps = page.locator(".rg-steps li")
    expect(steps).to_have_count(1, timeout=LOADING_MS)
    expect(steps.first).to_contain_text("I look it up.")
    expect(steps.first).to_contain_text('"k": 2')
    expect(steps.first).to_contain_text("operations-handbook.pdf")
    asks = page.locator(".st-key-approval")
    expect(asks).to_contain_text("onerror=alert(1)")
    page.reload()
    expect(asks).to_contain_text("onerror=alert(1)")
    screenshot(page, "agent-approval")
    asks.get_by_role("button", name="Approve" if agrees else "Refuse").click()
    expect(steps).to_have_count(2)
    expect(asks).to_have_count(0)
    expect(steps.last).to_contain_text("Remembered as" if agrees else "nobody agreed to it")
    go_on.set()
    expect(page.locator(".rg-said")).to_contain_text("Grit is used on the ramp.")
    settled(page)
    page.get_by_text("3 steps,").click()
    expect(steps).to_have_count(3)
    steps.first.locator("summary").click()
    expect(steps.first.locator("pre")).to_contain_text("salt attacks the rams")
    assert page.locator(".rg-steps img").count() == 0
    screenshot(page, f"agent-done-{'approved' if agrees else 'refused'}")


def test_nobody_there_is_a_refusal(agents: OpenAgents, open_page: OpenPage) -> None:
    pages = agents(wishes(REMEMBER), text("Nothing was kept."), server="approval_minutes = 0.05")
    page = settled(open_page(pages.url))
    set_to_work(page, "Remember that grit is used.")
    expect(page.locator(".st-key-approval")).to_be_visible()
    address = page.url
    page.goto("about:blank")
    page.wait_for_timeout(4000)
    page.goto(address)
    expect(page.locator(".rg-said")).to_contain_text("Nothing was kept.")
    settled(page)
    page.get_by_text("2 steps,").click()
    expect(page.locator(".rg-refused")).to_contain_text("nobody agreed")


def test_stop_ends_a_run_that_waits(agents: OpenAgents, open_page: OpenPage) -> None:
    page = settled(open_page(agents(wishes(REMEMBER), text("never")).url))
    set_to_work(page, "Remember that grit is used.")
    expect(page.locator(".st-key-approval")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("It was stopped.").first).to_be_visible()
    settled(page)
    expect(page.get_by_test_id("stChatInputTextArea")).to_be_enabled()


@pytest.mark.parametrize(("phone", "dark"), [(False, False), (False, True), (True, False)])
def test_it_is_readable(agents: OpenAgents, open_page: OpenPage, phone: bool, dark: bool) -> None:
    pages = agents(wishes(SEARCH, said="I look it up."), wishes(REMEMBER), text("Grit is used."))
    page = settled(open_page(pages.url, phone=phone, dark=dark))
    set_to_work(page, "Find out why grit is spread on the ramp in winter, and remember it.")
    expect(page.locator(".st-key-approval")).to_be_visible(timeout=LOADING_MS)
    name = f"agent-{'phone' if phone else 'desk'}-{'dark' if dark else 'light'}"
    screenshot(page, name)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Approve").click()
    expect(page.locator(".rg-said")).to_contain_text("Grit is used.")
    settled(page)
    page.get_by_text("3 steps,").click()
    expect(page.locator(".rg-steps li")).to_have_count(3)
    screenshot(page, f"{name}-done")


@pytest.mark.slow
def test_a_small_models_steps_are_shown_until_it_is_stopped(
    harbour_home: Path, tmp_path: Path, open_page: OpenPage
) -> None:
    shutil.copytree(harbour_home, tmp_path / "home")
    config = '[tools]\nenabled = ["calculate"]\n[llm]\nmax_tokens = 32\n'
    with running(tmp_path / "home", config=config) as pages:
        page = settled(open_page(pages.url))
        set_to_work(page, "What is 12 * 7?")
        expect(page.locator(".rg-steps li").first).to_be_visible(timeout=LOADING_MS)
        page.get_by_role("button", name="Stop").click()
        expect(page.get_by_text("It was stopped.").first).to_be_visible(timeout=LOADING_MS)
        settled(page)
        page.locator(".rg-run > summary").click()
        expect(page.locator(".rg-run li").first).to_be_visible()
