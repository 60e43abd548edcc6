"""Without the package `mcp`, all else works, and what needs it says what to install."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "statement",
    [
        "sys.argv = ['ragent', 'mcp']; from ragent.cli.app import main; main()",
        "import ragent.agent.mcp_client",
    ],
)
def test_what_to_install_is_told(statement: str) -> None:
    code = f"import sys; sys.modules['mcp'] = None; {statement}"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert 'pip install "ragent[mcp]"' in ran.stderr
