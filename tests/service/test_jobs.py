from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from ragent.config import load_settings
from ragent.service import Service, Session
from ragent.service.access import ANYBODY
from tests.service.conftest import bring_in, finished

pytestmark = pytest.mark.usefixtures("store_url")

DIES = textwrap.dedent("""
    import os, sys
    from pathlib import Path
    from ragent.service import Service
    from ragent.service.jobs import Jobs

    class Dying(Jobs):
        def _do(self, job):
            os._exit(9)

    import ragent.service.service as service
    service.Jobs = Dying
    opened = Service.open(Path(sys.argv[1]))
    opened.jobs.add("", "default", "ingest", {"names": [sys.argv[2]], "force": False})
    import time
    time.sleep(60)
""")


def test_a_job_says_what_became_of_it(ada: Session, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The lamp is lit at dusk.")
    done = finished(ada, ada.ingest("default", [str(tmp_path / "a.txt")]))
    assert (done.state, done.report["added"]) == ("done", 1)
    assert done.finished_at is not None
    failed = finished(ada, ada.ingest("default", [str(tmp_path / "nothing")]))
    assert failed.report["failed"] or failed.state == "failed"
    assert [job.id for job in ada.jobs()] == [failed.id, done.id]


def test_a_job_that_was_cancelled_before_it_began_never_does(tmp_path: Path) -> None:
    service = Service(tmp_path / "home", load_settings(None))
    me = service.session(ANYBODY)
    job = me.ingest("default", [str(tmp_path)])
    me.cancel(job.id)
    assert me.job(job.id).state == "cancelled"
    service.jobs.start()
    assert me.job(job.id).is_over
    service.close()


def test_what_a_process_that_died_left_behind_is_done(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The lamp is lit at dusk.")
    command = [sys.executable, "-c", DIES, str(tmp_path / "home"), str(tmp_path / "a.txt")]
    assert subprocess.run(command, check=False, timeout=120).returncode == 9
    service = Service.open(tmp_path / "home")
    me = service.anybody()
    (job,) = me.jobs()
    assert finished(me, job).report["added"] == 1
    service.close()


def test_a_job_that_names_what_was_forgotten_goes_with_it(ada: Session) -> None:
    stays = bring_in(ada, "default", "stays.txt", "A text about apples that stay where they are.")
    goes = bring_in(ada, "default", "gö es.txt", "A text about pears that nobody is to remember.")
    finished(ada, ada.documents.ingest_again(goes))
    assert len(ada.jobs()) == 3
    assert ada.documents.forget(goes).proof.found == ()
    (left,) = ada.jobs()
    assert "stays.txt" in str(left.asked)
    assert ada.documents.get(stays)
