from __future__ import annotations

import pytest

from tests.faults.harness import counts


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was survived, whichever processes the tests ran in."""
    stats = terminalreporter.stats
    lines = list(counts([*stats.get("passed", []), *stats.get("failed", [])]))
    if lines:
        terminalreporter.section("faults")
        for line in lines:
            terminalreporter.write_line(line)
