"""Bringing documents in, looking at them and taking them out, as somebody does it in a browser."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, expect

from .conftest import HARBOUR, OpenPage, Pages, running, screenshot, settled


def text_file(name: str, text: str) -> FilePayload:
    return {"name": name, "mimeType": "text/plain", "buffer": text.encode()}


def zip_file(name: str, members: dict[str, str]) -> FilePayload:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for member, text in members.items():
            archive.writestr(member, text)
    return {"name": name, "mimeType": "application/zip", "buffer": packed.getvalue()}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """The pages over a home of this module's own: its tests change what is in it, each in its collection."""
    with running(tmp_path_factory.mktemp("documents") / "home", config="[ingest]\nreaders = 1\n") as running_:
        yield running_


def documents_page(pages: Pages, open_page: OpenPage, collection: str, **options: bool) -> Page:
    """The page, with a new collection in use."""
    page = settled(open_page(f"{pages.url}/documents", **options))
    page.get_by_role("button", name="New collection").click()
    page.get_by_label("Name of the new collection").fill(collection)
    page.get_by_role("button", name="Begin it").click()
    expect(page.get_by_role("combobox", name="Collection")).to_have_value(collection)
    return settled(page)


def drop(page: Page, *files: FilePayload) -> None:
    page.locator("input[type=file]").set_input_files(list(files))


def test_files_are_added_with_progress_and_listed(pages: Pages, open_page: OpenPage) -> None:
    page = documents_page(pages, open_page, "added")
    expect(page.get_by_text("This collection is empty.")).to_be_visible()
    drop(
        page,
        text_file("ferry.txt", "The ferry leaves at nine."),
        zip_file("folder.zip", {"notes/crane.md": "# Crane\n\nThe crane lifts 40 tonnes.", "a.txt": "Tide"}),
    )
    expect(page.get_by_role("progressbar").first).to_be_visible()
    screenshot(page, "documents-progress")
    expect(page.get_by_text("3 added")).to_be_visible()
    for name in ("ferry.txt", "crane.md", "a.txt"):
        expect(page.get_by_role("button", name=name)).to_be_visible()
    expect(page.get_by_text("TXT · 1 passages")).to_have_count(2)


def test_what_is_wrong_with_a_file_is_said_beside_what_went_well(pages: Pages, open_page: OpenPage) -> None:
    page = documents_page(pages, open_page, "broken")
    broken: FilePayload = {"name": "torn.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7\nno more"}
    torn: FilePayload = {"name": "torn.zip", "mimeType": "application/zip", "buffer": b"PK\x03\x04 no more"}
    drop(page, text_file("whole.txt", "The ferry leaves at nine."), broken, torn)
    expect(page.get_by_text("Done, but not all could be read")).to_be_visible()
    for said in ("torn.pdf is not a readable PDF", "torn.zip is a damaged archive", "get a whole copy"):
        expect(page.locator(".st-key-job_over")).to_contain_text(said)
    expect(page.get_by_role("button", name="whole.txt")).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)
    screenshot(page, "documents-errors")


def test_an_address_of_this_machine_is_refused(pages: Pages, open_page: OpenPage) -> None:
    page = documents_page(pages, open_page, "pages")
    page.get_by_label("Or the address of a web page").fill("http://127.0.0.1:9/secret")
    page.get_by_role("button", name="Add the page").click()
    over = page.locator(".st-key-job_over")
    expect(over).to_contain_text("1 failed")
    expect(over).to_contain_text("private")


def test_a_document_is_looked_at_read_again_and_forgotten(pages: Pages, open_page: OpenPage) -> None:
    page = documents_page(pages, open_page, "looked")
    hostile = "<script>document.title = 'taken'</script> The **ferry** leaves at nine."
    pdf: FilePayload = {
        "name": "tides.pdf",
        "mimeType": "application/pdf",
        "buffer": (HARBOUR / "operations-handbook.pdf").read_bytes(),
    }
    drop(page, text_file("ferry <b>.txt", hostile), pdf)
    expect(page.get_by_text("2 added")).to_be_visible()

    page.get_by_role("button", name="tides.pdf").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Page 1 of 7")).to_be_visible()
    dialog.get_by_role("button", name="Next page").click()
    expect(dialog.get_by_text("Page 2 of 7")).to_be_visible()
    expect(dialog.get_by_role("img").last).to_be_visible()
    screenshot(page, "documents-preview")
    page.reload()
    expect(page.get_by_role("dialog").get_by_text("Page 1 of 7")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)

    settled(page).get_by_role("combobox", name="Collection").click()
    page.get_by_role("option", name="looked").click()
    page.get_by_role("button", name="ferry _b_.txt").click()
    expect(dialog.get_by_text("<script>document.title")).to_be_visible()
    assert page.title() != "taken"
    dialog.get_by_role("button", name="Read it again").click()
    expect(page.get_by_text("1 updated")).to_be_visible()

    page.get_by_role("button", name="ferry _b_.txt").click()
    dialog.get_by_role("button", name="Forget it").click()
    screenshot(page, "documents-forget")
    dialog.get_by_role("button", name="Yes, forget it").click()
    expect(page.get_by_text("none is left")).to_be_visible()
    expect(page.get_by_role("button", name="ferry _b_.txt")).to_have_count(0)
    expect(page.get_by_role("button", name="tides.pdf")).to_be_visible()


def test_many_documents_are_found_by_name_and_paged(pages: Pages, open_page: OpenPage) -> None:
    page = documents_page(pages, open_page, "many")
    drop(page, zip_file("many.zip", {f"note {n:03d}.txt": f"This is note number {n}." for n in range(60)}))
    expect(page.get_by_text("60 added")).to_be_visible()
    expect(page.get_by_text("1 to 25 of 60")).to_be_visible()
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("26 to 50 of 60")).to_be_visible()
    expect(page.get_by_role("button", name="note 025.txt")).to_be_visible()
    page.get_by_placeholder("Search by name").fill("note 041")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="note 041.txt")).to_be_visible()
    expect(page.get_by_role("button", name="note 025.txt")).to_have_count(0)


@pytest.mark.parametrize("asked", ["9999", "../1", "1;2", "-1", "1" * 40])
def test_a_document_that_is_not_there_is_said_so(pages: Pages, open_page: OpenPage, asked: str) -> None:
    page = settled(open_page(f"{pages.url}/documents?document={asked}"))
    expect(page.get_by_role("alert").filter(has_text="there is no")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_folder_is_brought_up_to_date_after_a_look(
    harbour_pages: Pages, open_page: OpenPage, tmp_path: Path
) -> None:
    page = settled(open_page(f"{harbour_pages.url}/documents"))
    page.get_by_text("Where these documents come from (1)").click()
    page.get_by_text("Remove documents whose file is gone").click()
    page.get_by_role("button", name="Look for changes").click()
    expect(page.get_by_text("What would be done")).to_be_visible()
    expect(page.locator(".st-key-job_over")).to_contain_text("10 unchanged")
    expect(page.get_by_role("button", name="Do this")).to_have_count(0)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_it_fits(harbour_pages: Pages, open_page: OpenPage, phone: bool, dark: bool) -> None:
    page = settled(open_page(f"{harbour_pages.url}/documents", phone=phone, dark=dark))
    page.get_by_role("button", name="harbour-history.md").wait_for()
    name = f"documents{'-phone' if phone else ''}{'-dark' if dark else ''}"
    screenshot(page, name)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
