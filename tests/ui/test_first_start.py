"""The first start: nothing is there yet."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from .conftest import OpenPage, running, screenshot, settled


def test_from_nothing_to_an_answer_in_two_clicks(tmp_path: Path, open_page: OpenPage) -> None:
    with running(tmp_path / "home", config='[ask]\nstyle = "extract"\n') as pages:
        page = settled(open_page(pages.url))
        expect(page.get_by_role("heading", name="Ask your own documents")).to_be_visible()
        expect(page.get_by_test_id("stChatInputTextArea")).to_be_disabled()
        screenshot(page, "chat-first-start")
        page.get_by_role("button", name="Try the sample documents").click()
        expect(page.get_by_role("progressbar")).to_be_visible()
        page.get_by_role("button", name="Why is grit spread on the ramp").click()
        expect(page.locator(".rg-said")).to_contain_text("because salt attacks the rams")
        settled(page)
        page.locator(".rg-cite").first.click()
        expect(page.locator(".st-key-source img")).to_be_visible()


def test_ones_own_documents_are_one_click_away(tmp_path: Path, open_page: OpenPage) -> None:
    with running(tmp_path / "home") as pages:
        page = settled(open_page(pages.url))
        page.get_by_role("button", name="Add my documents").click()
        page.wait_for_url("**/documents")
