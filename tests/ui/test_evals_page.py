"""The page of eval runs: one with its figures, two beside each other, and the report."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from .conftest import OpenPage, Pages, running, screenshot, settled
from .kept_runs import keep_runs


@pytest.fixture(scope="module")
def evals(harbour_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    home = tmp_path_factory.mktemp("evals") / "home"
    shutil.copytree(harbour_home, home)
    keep_runs(home)
    with running(home) as pages:
        yield pages


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=option).click()
    settled(page)


def test_runs_are_shown_compared_and_reported(evals: Pages, open_page: OpenPage) -> None:
    page = settled(open_page(f"{evals.url}/evals"))
    choose(page, "Run", "quick")
    expect(page.get_by_text("quick (quick-01): 8 cases")).to_be_visible()
    expect(page.get_by_test_id("stVegaLiteChart")).to_be_visible()
    settled(page)
    with page.expect_download() as loading:
        page.get_by_role("button", name="Save the report").click()
    report = Path(loading.value.path()).read_text("utf-8")
    assert "quick" in report
    assert "<img src=x" not in report
    choose(page, "Compare with", "slow")
    expect(page.get_by_text("over 8 cases")).to_be_visible()
    expect(page.get_by_text("Cases that changed: 7")).to_be_visible()
    settled(page)
    with page.expect_download() as loading:
        page.get_by_role("button", name="Save the report").click()
    assert "slow" in Path(loading.value.path()).read_text("utf-8")
    screenshot(page, "evals-comparison")


def test_runs_over_other_cases_are_not_compared(evals: Pages, open_page: OpenPage) -> None:
    page = settled(open_page(f"{evals.url}/evals"))
    choose(page, "Run", "other")
    expect(page.get_by_role("combobox", name="Compare with")).to_be_disabled()


@pytest.mark.parametrize(("phone", "dark"), [(False, False), (False, True), (True, False)])
def test_it_is_readable(evals: Pages, open_page: OpenPage, phone: bool, dark: bool) -> None:
    page = settled(open_page(f"{evals.url}/evals", phone=phone, dark=dark))
    choose(page, "Run", "quick")
    expect(page.get_by_text("quick (quick-01): 8 cases")).to_be_visible()
    expect(page.get_by_test_id("stVegaLiteChart")).to_be_visible()
    settled(page)
    name = f"evals-{'phone' if phone else 'desk'}-{'dark' if dark else 'light'}"
    screenshot(page, name)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    choose(page, "Compare with", "slow")
    expect(page.get_by_text("Cases that changed: 7")).to_be_visible()
    settled(page)
    screenshot(page, f"{name}-two")


def test_without_runs_it_says_how_to_begin(harbour_pages: Pages, open_page: OpenPage) -> None:
    page = settled(open_page(f"{harbour_pages.url}/evals"))
    expect(page.get_by_text("No run is kept yet.")).to_be_visible()
