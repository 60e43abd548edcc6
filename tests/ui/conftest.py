from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.commands import run_command

HARBOUR = Path(__file__).parents[2] / "evals" / "sets" / "harbour" / "documents"
SCREENSHOTS = Path(
    os.environ.get("RAGENT_SCREENSHOTS") or Path(__file__).parents[2] / "build" / "screenshots"
)
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 860}
# A slow machine, with a model to load: only how long to wait for what must come, never how fast it has to be.
PATIENCE_MS = 60_000


@dataclass(frozen=True)
class Pages:
    """A running `ragent ui`."""

    url: str
    home: Path
    process: subprocess.Popen[str]


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAGENT_")}
    return kept | {"OMP_NUM_THREADS": "1"}


@contextmanager
def running(home: Path, *arguments: str | Path, config: str = "") -> Iterator[Pages]:
    """`ragent ui` over a home, in a process of its own, as a user would start it; ended as by Ctrl-C.

    `config` is what is in the home's ragent.toml.
    """
    home.mkdir(parents=True, exist_ok=True)
    if config:
        (home / "ragent.toml").write_text(config)
    command = [sys.executable, "-m", "ragent.cli", "ui", "--home", home, "--port", "0", "--no-browser"]
    log = (home.parent / f"{home.name}.log").open("w+")
    process = subprocess.Popen(
        [*map(str, command), *map(str, arguments)],
        cwd=home.parent,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, f"no address in {line!r}: {Path(log.name).read_text()}"
        Thread(target=process.stdout.read, daemon=True).start()
        yield Pages(found[0], home, process)
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()
        log.close()


def ingest(home: Path, *paths: Path, collection: str = "default") -> None:
    """Bring files in, by the command line."""
    done = run_command("--home", home, "--collection", collection, "ingest", *paths, cwd=home.parent)
    done.check_returncode()


@pytest.fixture(scope="session")
def harbour_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that holds the sample documents: copy it before changing anything in it."""
    home = tmp_path_factory.mktemp("harbour") / "home"
    ingest(home, HARBOUR)
    return home


@pytest.fixture(scope="session")
def harbour_pages(harbour_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """The pages over a home with the sample documents; tests leave the documents as they are."""
    home = tmp_path_factory.mktemp("shared") / "home"
    shutil.copytree(harbour_home, home)
    with running(home) as pages:
        yield pages


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, as Debian packages it."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("there is no chromium here")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Opens an address in a tab with cookies of its own; `phone` and `dark` as asked for.

    An exception in the page, or anything asked of another host, fails the test.
    """
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def open_(url: str, *, phone: bool = False, dark: bool = False, **options: object) -> Page:
        context = browser.new_context(
            viewport=PHONE if phone else DESK, color_scheme="dark" if dark else "light", **options
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: _stays(request.url, url) or wrong.append(request.url))
        page.goto(url)
        return page

    expect.set_options(timeout=PATIENCE_MS)
    yield open_
    for context in contexts:
        context.close()
    assert not wrong


def _stays(asked: str, url: str) -> bool:
    host = re.match(r"\w+://([^/]+)", url)
    return asked.startswith(("data:", "blob:")) or (host is not None and f"//{host[1]}/" in asked)


def settled(page: Page) -> Page:
    """The page once Streamlit has nothing to do any more."""
    page.locator("[data-testid=stApp]").wait_for()
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    return page


def screenshot(page: Page, name: str) -> Path:
    """Keep a picture of the page, to be looked at."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    path = SCREENSHOTS / f"{name}.png"
    page.screenshot(path=path)
    return path
