"""Light to start: the promise of the design, checked in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"torch", "faiss", "llama_cpp", "streamlit", "transformers", "openvino", "sentence_transformers"}


@pytest.mark.parametrize("statement", ["import ragent", "import ragent.cli.app"])
def test_importing_loads_nothing_heavy(statement: str) -> None:
    code = f"{statement}; import sys; print(sorted({HEAVY!r} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
