"""A process that does over and over what it is told, line by line, while somebody moves its clock."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from ragent.store import Store, TraceStore
from ragent.trace import SpanRecord
from tests.faults.scenes import Ledger, Place, bring_in, searcher, wrong_hits

KEEP_DAYS = 30.0


def note_trace(store: Store, name: str) -> None:
    """Record a trace as begun now, as a process does that has just started."""
    span = SpanRecord(name * 32, name * 16, None, name, "other", time.time_ns(), 1, {})
    TraceStore(store, keep_days=KEEP_DAYS).write([span])


def do(home: str, documents: str, ledger: str) -> str:
    """Bring documents in, search, and record a trace; what was wrong."""
    place = Place(Path(home), Path(documents))
    report = bring_in(place, Ledger(Path(ledger)).note)
    if report.failed or report.seconds < 0:
        return f"the report says {report}"
    with Store.open(place.home) as store:
        held = {uri: text for _, (uri, _, text) in store.document_texts()}
        wrong = list(wrong_hits(store, searcher(store), held))
        note_trace(store, "b")
    return "; ".join(wrong)


def main() -> None:
    """Answer each line: with "", or with what was wrong."""
    for line in sys.stdin:
        try:
            said = do(**json.loads(line))
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
        sys.stdout.write(json.dumps([said, time.time()]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
