"""The chat, as somebody uses it in a browser."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.agent.served import model_server, refusal
from tests.serving import Answer

from .conftest import OpenPage, Pages, running, screenshot, settled

WHY = "Why is grit spread on the ramp in winter rather than salt?"
BECAUSE = "because salt attacks the rams"
UNKNOWN = "Who is the best football player of the harbour?"
# No model is loaded for these: the answer is the aptest passage's own words.
EXTRACT = '[ask]\nstyle = "extract"\n'


@pytest.fixture(scope="module")
def chat(harbour_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """The pages over the sample documents, quick to answer."""
    home = tmp_path_factory.mktemp("chat") / "home"
    shutil.copytree(harbour_home, home)
    with running(home, config=EXTRACT) as pages:
        yield pages


def ask(page: Page, question: str) -> None:
    page.get_by_test_id("stChatInputTextArea").fill(question)
    page.keyboard.press("Enter")


def answered(page: Page, number: int) -> Page:
    """The page once so many answers are there."""
    ends = page.locator(".rg-said:not(.rg-draft), .rg-none")
    expect(ends).to_have_count(number)
    return settled(page)


def test_an_answer_and_its_source(chat: Pages, open_page: OpenPage) -> None:
    page = settled(open_page(chat.url))
    expect(page.get_by_test_id("stChatInputTextArea")).to_be_focused()
    ask(page, WHY)
    answered(page, 1)
    expect(page.locator(".rg-said")).to_contain_text(BECAUSE)
    expect(page.locator(".st-key-source")).to_have_count(0)
    page.locator(".rg-cite").first.click()
    picture = page.locator(".st-key-source img")
    expect(picture).to_be_visible()
    panel = page.locator(".st-key-source")
    expect(panel.get_by_text("[1] operations-handbook.pdf")).to_be_visible()
    expect(panel.get_by_text("Page 3 of 7", exact=True)).to_be_visible()
    expect(panel.locator(".rg-quoted")).to_contain_text(BECAUSE)
    assert yellow(picture) > 500
    panel.get_by_role("button", name="Next page").click()
    expect(panel.get_by_text("Page 4 of 7", exact=True)).to_be_visible()
    settled(page)
    assert yellow(picture) == 0
    with page.expect_download() as loading:
        panel.get_by_role("button", name="Open the file").click()
    assert loading.value.suggested_filename == "operations-handbook.pdf"
    assert Path(loading.value.path()).read_bytes().startswith(b"%PDF")
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)


def yellow(picture: object) -> int:
    """How many pixels of a picture in the page are as yellow as a marked word."""
    count: int = picture.evaluate(  # type: ignore[attr-defined]
        """async (image) => {
            await image.decode();
            const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
            const context = canvas.getContext("2d");
            context.drawImage(image, 0, 0);
            const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
            let count = 0;
            for (let i = 0; i < data.length; i += 4) if (data[i + 2] < data[i] - 60) count++;
            return count;
        }"""
    )
    return count


def test_a_source_without_pages_shows_its_text_around_the_quote(chat: Pages, open_page: OpenPage) -> None:
    page = settled(open_page(chat.url))
    ask(page, "How many days before departure can a passenger ticket be refunded in full?")
    answered(page, 1)
    page.locator(".rg-sources button", has_text="ticket-and-refund-policy.md").first.click()
    mark = page.locator(".st-key-source .rg-text mark")
    expect(mark).to_be_visible()
    expect(mark).to_be_in_viewport()
    quoted = page.locator(".st-key-source .rg-quoted").inner_text()
    assert " ".join(mark.inner_text().split()) == " ".join(quoted.split())


def test_a_follow_up_and_coming_back_to_a_conversation(chat: Pages, open_page: OpenPage) -> None:
    page = settled(open_page(chat.url))
    ask(page, WHY)
    answered(page, 1)
    ask(page, "How early do I have to be in the queue with my car?")
    answered(page, 2)
    page.reload()
    answered(page, 2)
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator(".rg-said")).to_have_count(0)
    expect(page.get_by_text("What would you like to know?")).to_be_visible()
    page.locator(".st-key-conversations button", has_text="Why is grit").first.click()
    answered(page, 2)


def test_no_answer_looks_different_from_an_answer(chat: Pages, open_page: OpenPage) -> None:
    page = settled(open_page(chat.url))
    ask(page, UNKNOWN)
    answered(page, 1)
    none = page.locator(".rg-none")
    expect(none.get_by_role("heading", name="No answer in your documents")).to_be_visible()
    expect(page.locator(".rg-said")).to_have_count(0)
    expect(page.locator(".rg-cite")).to_have_count(0)
    none.locator(".rg-nearest button").first.click()
    expect(page.locator(".st-key-source .rg-quoted")).to_be_visible()


def test_a_question_is_edited_and_answered_again(chat: Pages, open_page: OpenPage) -> None:
    page = settled(open_page(chat.url))
    ask(page, UNKNOWN)
    answered(page, 1)
    page.get_by_role("button", name="Edit", exact=True).click()
    page.get_by_label("Your question").fill(WHY)
    page.get_by_role("button", name="Ask again").click()
    expect(page.locator(".rg-said")).to_contain_text(BECAUSE)
    expect(page.locator(".rg-asked")).to_have_text([WHY])
    settled(page)
    page.get_by_role("button", name="Again", exact=True).click()
    answered(page, 1)
    expect(page.locator(".rg-asked")).to_have_text([WHY])


def test_conversations_are_named_searched_exported_and_deleted(chat: Pages, open_page: OpenPage) -> None:
    page = settled(open_page(chat.url))
    ask(page, WHY)
    answered(page, 1)
    page.get_by_role("button", name="More").click()
    page.get_by_label("Name of the conversation").fill("Zephyr *winter*")
    page.get_by_role("button", name="Rename").click()
    named = page.locator(".st-key-conversations button", has_text="Zephyr *winter*")
    expect(named).to_have_count(1)
    settled(page)
    with page.expect_download() as loading:
        menu(page).get_by_role("button", name="Save as Markdown").click()
    text = Path(loading.value.path()).read_text("utf-8")
    assert text.startswith("# Zephyr *winter*")
    assert "operations-handbook.pdf, page 3" in text
    with page.expect_download() as loading:
        menu(page).get_by_role("button", name="Save as JSON").click()
    kept = json.loads(Path(loading.value.path()).read_text("utf-8"))
    assert [turn["role"] for turn in kept["turns"]] == ["user", "assistant"]
    page.get_by_label("Search conversations").fill("nothing holds this")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No conversation holds these words.")).to_be_visible()
    page.get_by_label("Search conversations").fill("zephyr")
    page.keyboard.press("Enter")
    expect(named).to_have_count(1)
    settled(page)
    menu(page).get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete it").click()
    expect(named).to_have_count(0)
    expect(page.locator(".rg-asked")).to_have_count(0)


def menu(page: Page) -> Page:
    """The page with the menu of the conversation open."""
    if not page.get_by_role("button", name="Save as JSON").is_visible():
        page.get_by_role("button", name="More").click()
    return page


def test_another_conversation_by_its_address_is_not_there(chat: Pages, open_page: OpenPage) -> None:
    page = settled(open_page(f"{chat.url}/?c=0123456789abcdef"))
    expect(page.get_by_text("What would you like to know?")).to_be_visible()


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("phone", [False, True])
def test_nothing_is_cut_or_overlaps(chat: Pages, open_page: OpenPage, phone: bool, dark: bool) -> None:
    page = settled(open_page(chat.url, phone=phone, dark=dark))
    name = f"chat-{'phone' if phone else 'desk'}-{'dark' if dark else 'light'}"
    screenshot(page, f"{name}-begin")
    ask(page, WHY)
    answered(page, 1)
    ask(page, UNKNOWN)
    answered(page, 2)
    screenshot(page, f"{name}-answers")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator(".rg-cite").first.click()
    expect(page.locator(".st-key-source img")).to_be_visible()
    settled(page)
    screenshot(page, f"{name}-source")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for inside in (".st-key-source_head", ".st-key-source img"):
        box = page.locator(inside).bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= page.viewport_size["width"]


# -- with a model server that does as it is told ------------------------------------------------------------


def word_by_word(words: list[str], go_on: threading.Event) -> Answer:
    """Says the first word, and the others once it may."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.end_headers()
        try:
            for number, word in enumerate(words):
                if number == 1:
                    go_on.wait(60)
                tell(handler, {"delta": {"content": word}})
            tell(handler, {"delta": {}, "finish_reason": "stop"})
            handler.wfile.write(b"data: [DONE]\n\n")
        except OSError:
            pass  # who asked has hung up

    return answer


def tell(handler: BaseHTTPRequestHandler, choice: object) -> None:
    handler.wfile.write(f"data: {json.dumps({'choices': [choice]})}\n\n".encode())
    handler.wfile.flush()


def served(url: str) -> str:
    return f'[llm]\nurl = "{url}"\nmodel = "small"\n'


def test_an_answer_is_streamed_and_stopped(harbour_home: Path, tmp_path: Path, open_page: OpenPage) -> None:
    go_on = threading.Event()
    words = ["Grit is used, not salt, ", *["on the linkspan "] * 50]
    shutil.copytree(harbour_home, tmp_path / "home")
    with (
        model_server(word_by_word(words, go_on)) as model,
        running(tmp_path / "home", config=served(model.url)) as pages,
    ):
        page = settled(open_page(pages.url))
        ask(page, WHY)
        expect(page.locator(".rg-draft")).to_contain_text("Grit is used, not salt,")
        expect(page.get_by_test_id("stChatInputTextArea")).to_be_disabled()
        page.reload()
        expect(page.locator(".rg-draft")).to_contain_text("Grit is used, not salt,")
        page.get_by_role("button", name="Stop").click()
        expect(page.get_by_role("button", name="Stopping…")).to_be_visible()
        go_on.set()
        expect(page.get_by_text("Stopped before it was done.")).to_be_visible()
        expect(page.locator(".rg-draft")).to_contain_text("Grit is used, not salt,")
        settled(page)
        page.get_by_role("button", name="Again", exact=True).click()
        expect(page.locator(".rg-said:not(.rg-draft)")).to_contain_text("Grit is used")


def test_an_answer_that_was_cut_off_by_the_end_is_told_of(
    harbour_home: Path, tmp_path: Path, open_page: OpenPage
) -> None:
    go_on = threading.Event()
    shutil.copytree(harbour_home, tmp_path / "home")
    with model_server(word_by_word(["Grit is used, ", "not salt."], go_on)) as model:
        config = served(model.url)
        with running(tmp_path / "home", config=config) as pages:
            page = settled(open_page(pages.url))
            ask(page, WHY)
            expect(page.locator(".rg-draft")).to_contain_text("Grit is used,")
            address = page.url.removeprefix(pages.url)
        go_on.set()
        assert "Traceback" not in (tmp_path / "home.log").read_text()
        with running(tmp_path / "home", config=config) as pages:
            page = settled(open_page(pages.url + address))
            expect(page.locator(".rg-asked")).to_have_text([WHY])
            expect(page.get_by_text("Stopped before it was done.")).to_be_visible()


def test_an_error_is_shown_well(harbour_home: Path, tmp_path: Path, open_page: OpenPage) -> None:
    shutil.copytree(harbour_home, tmp_path / "home")
    broken = refusal(400, "the *model* is <b>out</b>")
    with model_server(broken) as model, running(tmp_path / "home", config=served(model.url)) as pages:
        page = settled(open_page(pages.url))
        ask(page, WHY)
        alert = page.get_by_test_id("stAlert")
        expect(alert).to_contain_text("the *model* is <b>out</b>")
        settled(page)
        expect(page.get_by_role("button", name="Again", exact=True)).to_be_visible()
        expect(page.get_by_test_id("stChatInputTextArea")).to_be_enabled()
        screenshot(page, "chat-error")
        page.reload()
        expect(alert).to_contain_text("the *model* is <b>out</b>")
