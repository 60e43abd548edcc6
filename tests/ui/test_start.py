"""`ragent ui` starts, refuses what is unsafe, and ends in order."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from .conftest import OpenPage, Pages, environment, running, settled


def test_every_page_opens(harbour_pages: Pages, open_page: OpenPage) -> None:
    page = settled(open_page(harbour_pages.url))
    for name in ("documents", "settings", "arena", "evals", "traces", "map"):
        page.goto(f"{harbour_pages.url}/{name}")
        settled(page)
        expect(page.get_by_test_id("stException")).to_have_count(0)
        expect(page.get_by_role("heading").first).to_be_visible()


def test_ctrl_c_ends_it_in_order(tmp_path: Path) -> None:
    with running(tmp_path / "home") as pages:
        pages.process.send_signal(signal.SIGINT)
        assert pages.process.wait(60) == 0
    assert "Traceback" not in (tmp_path / "home.log").read_text()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])
def test_other_machines_are_let_in_only_where_people_sign_in(tmp_path: Path, host: str) -> None:
    command = [
        sys.executable,
        "-m",
        "ragent.cli",
        "ui",
        "--home",
        str(tmp_path),
        "--host",
        host,
        "--no-browser",
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment(), cwd=tmp_path, check=False
    )
    assert done.returncode == 2
    assert "nobody has to sign in" in done.stderr
    assert "ragent people add" in done.stderr
