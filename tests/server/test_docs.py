"""What docs/server.md says can be copied and run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.conftest import Running

PAGE = (Path(__file__).parents[2] / "docs" / "server.md").read_text()
HERE = "http://127.0.0.1:8000"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("block", blocks("python"))
def test_python_runs_as_it_stands(server: Running, block: str) -> None:
    assert HERE in block
    code = block.replace(HERE, server.url)
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip()


@pytest.mark.parametrize("block", blocks("bash"))
def test_curl_runs_as_it_stands(server: Running, block: str) -> None:
    assert HERE in block
    code = block.replace(HERE, server.url).replace("curl -s", "curl -sSf")
    ran = subprocess.run(["bash", "-ec", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert '"error"' not in ran.stdout
