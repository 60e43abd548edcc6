"""The map of a collection: drawn beside everything else, its points and topics open passages."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from .conftest import OpenPage, Pages, running, screenshot, settled


@pytest.mark.parametrize(("phone", "dark"), [(False, False), (False, True), (True, False)])
def test_a_passage_is_opened_from_the_map(
    harbour_pages: Pages, open_page: OpenPage, phone: bool, dark: bool
) -> None:
    page = settled(open_page(f"{harbour_pages.url}/map", phone=phone, dark=dark))
    chart = page.get_by_test_id("stVegaLiteChart")
    expect(chart).to_be_visible()
    topics = page.locator(".rg-topic")
    expect(topics.first).to_be_visible()
    settled(page)
    name = f"map-{'phone' if phone else 'desk'}-{'dark' if dark else 'light'}"
    screenshot(page, name)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("[class*=st-key-example-] button").first.click()
    passage = page.locator(".rg-passage")
    expect(passage.locator("mark").first).to_be_visible()
    settled(page)
    screenshot(page, f"{name}-passage")
    page.get_by_role("button", name="Close").click()
    expect(topics.first).to_be_visible()


def test_a_click_on_a_point_opens_its_passage(harbour_pages: Pages, open_page: OpenPage) -> None:
    page = settled(open_page(f"{harbour_pages.url}/map"))
    points = page.get_by_test_id("stVegaLiteChart").locator(".mark-symbol path")
    expect(points.first).to_be_visible()
    settled(page)
    points.first.hover()
    expect(page.locator("#vg-tooltip-element")).to_contain_text("Title")
    points.first.click()
    expect(page.locator(".rg-passage mark").first).to_be_visible()


def test_an_empty_collection_has_no_map(tmp_path: Path, open_page: OpenPage) -> None:
    with running(tmp_path / "home") as pages:
        page = settled(open_page(f"{pages.url}/map"))
        expect(page.get_by_text("There is nothing to draw yet")).to_be_visible()
