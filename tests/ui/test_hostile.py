"""Documents, file names and questions that try to be more than text."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from .conftest import OpenPage, ingest, running, settled

HOSTILE = """<script>window.harmed = 1</script> [x](javascript:window.harmed=2) ![y](http://192.0.2.1/y.png)

The lighthouse keeper's password is <img src=x onerror="window.harmed=3"> and **bold** :red[words] $x^2$.

</div></mark><svg onload=window.harmed=4> <a href="javascript:window.harmed=5">press</a>
"""
NAME = 'a <img src=x onerror=window.harmed=6> "&.txt'
QUESTION = "What is the lighthouse keeper's password <img src=x onerror=window.harmed=7>?"


def harmless(page: Page) -> bool:
    page.wait_for_timeout(300)
    return bool(page.evaluate("window.harmed === undefined"))


def test_nothing_in_a_document_is_run_or_fetched(tmp_path: Path, open_page: OpenPage) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / NAME).write_text(HOSTILE)
    (folder / "page.html").write_text(
        f"<html><head><title>{NAME}</title></head><body>"
        "<h1>Lamp &lt;script&gt;window.harmed=8&lt;/script&gt;</h1>"
        "<p>The lamp oil costs &lt;img src=x onerror=window.harmed=9&gt; nine shillings.</p></body></html>"
    )
    ingest(tmp_path / "home", folder)
    with running(tmp_path / "home", config='[ask]\nstyle = "extract"\n') as pages:
        page = settled(open_page(pages.url))
        for number, question in enumerate((QUESTION, "What does the lamp oil cost?"), 1):
            page.get_by_test_id("stChatInputTextArea").fill(question)
            page.keyboard.press("Enter")
            expect(page.locator(".rg-asked")).to_have_count(number)
            expect(page.locator(".rg-cite")).to_have_count(number)
            settled(page)
            expect(page.locator(".rg-asked").last).to_have_text(question)
            page.locator(".rg-cite").last.click()
            expect(page.locator(".st-key-source .rg-text mark")).to_be_visible()
            settled(page)
            assert harmless(page)
            shown = page.locator(".st-key-source .rg-text")
            expect(shown).to_contain_text("<img src=x onerror=")
            expect(shown.locator("img, script, svg, a")).to_have_count(0)
            expect(page.locator(".rg-said img, .rg-said a, .rg-sources img")).to_have_count(0)
            page.keyboard.press("Escape")
            expect(page.locator(".st-key-source")).to_have_count(0)
        expect(page.locator(".rg-sources").first).to_contain_text(NAME)
        page.reload()
        settled(page)
        assert harmless(page)
