"""What somebody thinks of an answer, given in the browser, becomes an eval case."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from playwright.sync_api import expect

from tests.commands import run_command

from .conftest import OpenPage, running, screenshot, settled

# A model is loaded first, on a machine that may have much else to do.
LOADING_MS = 120_000
WHY = "Why is grit spread on the ramp in winter rather than salt?"


def test_feedback_becomes_an_eval_case(harbour_home: Path, tmp_path: Path, open_page: OpenPage) -> None:
    home = tmp_path / "home"
    shutil.copytree(harbour_home, home)
    with running(home, config='[ask]\nstyle = "extract"\n') as pages:
        page = settled(open_page(pages.url))
        page.get_by_test_id("stChatInputTextArea").fill(WHY)
        page.keyboard.press("Enter")
        expect(page.locator(".rg-said")).to_contain_text("because salt attacks the rams", timeout=LOADING_MS)
        settled(page)
        thumbs = page.get_by_test_id("stFeedback").get_by_role("radio")
        expect(thumbs).to_have_count(2)
        thumbs.last.click()
        settled(page)
        page.get_by_role("button", name="Comment").click()
        page.get_by_role("textbox", name="What would have been right?").fill("Salt attacks the rams.")
        screenshot(page, "feedback-form")
        page.get_by_role("button", name="Send", exact=True).click()
        expect(page.get_by_text("Thank you, it is kept.")).to_be_visible()
        page.reload()
        expect(thumbs.last).to_have_attribute("aria-checked", "true")
    out = tmp_path / "cases.jsonl"
    run_command("--home", home, "eval", "new", out, cwd=tmp_path).check_returncode()
    (case,) = map(json.loads, out.read_text().splitlines())
    assert case["question"] == WHY
    assert case["answers"] == ["Salt attacks the rams."]
