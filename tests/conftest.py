from __future__ import annotations

import os
import sys
import tempfile

from hypothesis import settings

# The same examples in every run; HYPOTHESIS_PROFILE=random looks for others.
settings.register_profile("fixed", derandomize=True)
settings.register_profile("random")
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))

# What is kept for all homes of a user (converted weights) is made once a run, away from the user's own.
_CACHE = tempfile.TemporaryDirectory(prefix="ragent-tests-")
os.environ["XDG_CACHE_HOME"] = _CACHE.name

# Hundreds of processes are started: none should compile all of ragent's modules again.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def _keep_to_a_share_of_the_cores() -> None:
    """Give each worker, with all it starts, cores of its own, as long as there are enough.

    Native threads spin while they wait for each other: where they are more than there are cores, that takes
    several times as long as what they compute.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is None or not hasattr(os, "sched_setaffinity"):
        return
    cores = sorted(os.sched_getaffinity(0))
    number, count = int(worker.removeprefix("gw")), int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    os.sched_setaffinity(0, cores[number::count] or {cores[number % len(cores)]})


_keep_to_a_share_of_the_cores()
