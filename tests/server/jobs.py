from __future__ import annotations

import time
from typing import Any


def finished(client: Any, job: dict[str, Any], seconds: float = 90) -> dict[str, Any]:
    """The job once it is over."""
    deadline = time.monotonic() + seconds
    while (now := client.get(f"/jobs/{job['id']}").json())["state"] in {"waiting", "running"}:
        assert time.monotonic() < deadline, now
        time.sleep(0.05)
    return now
