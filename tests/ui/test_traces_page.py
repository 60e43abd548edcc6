"""The page of traces: a list, and one as a tree."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.commands import run_command

from .conftest import OpenPage, Pages, running, screenshot, settled


@pytest.fixture(scope="module")
def traces(harbour_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """Pages over a home in which something was searched, its words kept."""
    home = tmp_path_factory.mktemp("traces") / "home"
    shutil.copytree(harbour_home, home)
    kept = {"RAGENT_TRACE__CONTENT": "true"}
    searched = "search", "<b onclick=alert(1)>grit</b>"
    run_command("--home", home, *searched, cwd=home, variables=kept).check_returncode()
    with running(home) as pages:
        yield pages


@pytest.mark.parametrize(("phone", "dark"), [(False, False), (False, True), (True, False)])
def test_a_trace_is_found_and_shown_as_a_tree(
    traces: Pages, open_page: OpenPage, phone: bool, dark: bool
) -> None:
    page = settled(open_page(f"{traces.url}/traces", phone=phone, dark=dark))
    rows = page.locator(".st-key-traces button")
    expect(rows).to_have_count(2)
    page.get_by_role("combobox", name="Kind").click()
    page.get_by_role("option", name="search").click()
    expect(rows).to_have_count(1)
    settled(page)
    name = f"traces-{'phone' if phone else 'desk'}-{'dark' if dark else 'light'}"
    screenshot(page, name)
    rows.first.click()
    spans = page.locator(".rg-trace li")
    expect(spans.first).to_contain_text("search")
    assert spans.count() > 1
    spans.first.locator("summary").first.click()
    expect(spans.first.locator("table").first).to_be_visible()
    expect(page.locator(".rg-trace")).to_contain_text("<b onclick=alert(1)>grit</b>")
    assert page.locator(".rg-trace b[onclick]").count() == 0
    settled(page)
    screenshot(page, f"{name}-tree")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.reload()
    expect(spans.first).to_contain_text("search")
    page.get_by_role("button", name="All traces").click()
    expect(rows.first).to_be_visible()


def test_an_unknown_trace_is_told_of(traces: Pages, open_page: OpenPage) -> None:
    page = settled(open_page(f"{traces.url}/traces?trace=0123456789"))
    expect(page.get_by_test_id("stAlert")).to_contain_text("there is no trace")
    expect(page.get_by_role("button", name="All traces")).to_be_visible()
