"""kill -9 of the process that ingests, syncs and refreshes indexes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from ragent.store import Store
from scripts.private_postgres import PrivatePostgres
from tests.faults.harness import Outcome, Record, survive
from tests.faults.killing import Course, kill, measure
from tests.faults.scenes import (
    Ledger,
    Place,
    Scene,
    bring_in,
    change,
    check,
    check_end,
    copy_home,
    phase,
    write_first,
)

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Beginning:
    """What each round of a scene begins with."""

    scene: Scene
    home: Path | None
    url: str
    course: Course


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_killed_anywhere_it_goes_on_where_it_was(
    database: str, request: pytest.FixtureRequest, tmp_path: Path, record_property: Record
) -> None:
    server: PrivatePostgres | None = None
    if database == "postgresql":
        server = request.getfixturevalue("postgresql")
    beginnings = begin(tmp_path, server)
    home, ledger = tmp_path / "home", Ledger(tmp_path / "ledger")

    def strike(number: int, moment: float) -> Outcome:
        beginning = beginnings[number // 2 % len(beginnings)]
        place = started(beginning, home, server)
        code = kill(place, ledger.path, beginning.course.killing(number, moment))
        told = ledger.take()
        problems = check(place, beginning.scene, told)
        bring_in(place)
        problems += check_end(place, beginning.scene)
        if server:
            server.drop_database(place.url)
        return Outcome(phase(beginning.scene, told) if code == -9 else "", tuple(problems))

    survive(f"kill -9 of the ingesting process ({database})", record_property, strike)


def begin(folder: Path, server: PrivatePostgres | None) -> list[Beginning]:
    """Ingestions into no home and an empty one, and a sync; with how each goes when nothing disturbs it."""
    first = write_first(folder / "first")
    empty = Place(folder / "empty", first.documents, new_database(server))
    with Store.open(empty.home, empty.url):
        pass
    again = write_first(folder / "again")
    before = Place(folder / "before", again.documents, new_database(server))
    bring_in(before)
    beginnings = []
    scenes = ((first, None, ""), (first, empty.home, empty.url), (change(again), before.home, before.url))
    for scene, home, url in scenes:
        blank = Beginning(scene, home, url, Course(0, 0))
        courses: list[Course] = []
        for _ in range(2):
            place = started(blank, folder / "home", server)
            courses.append(measure(place, folder / "ledger", counting=not courses))
            assert check_end(place, scene) == []
            (folder / "ledger").unlink()
        beginnings.append(Beginning(scene, home, url, Course(courses[0].calls, courses[1].seconds)))
    return beginnings


def started(beginning: Beginning, home: Path, server: PrivatePostgres | None) -> Place:
    """A home as at the beginning."""
    copy_home(beginning.home, home)
    return Place(home, beginning.scene.documents, new_database(server, beginning.url))


def new_database(server: PrivatePostgres | None, like: str = "") -> str:
    """The URL of a database like another, or with nothing in it; "" where there is no server."""
    if server is None:
        return ""
    return server.make_database(like.rpartition("/")[2] or "template0")
