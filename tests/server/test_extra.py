"""The server's packages are loaded by `ragent serve` alone; without them it says what to install."""

from __future__ import annotations

import subprocess
import sys

import pytest


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("package", ["fastapi", "uvicorn", "prometheus_client"])
def test_what_to_install_is_told(package: str) -> None:
    start = "sys.argv = ['ragent', 'serve']; from ragent.cli.app import main; main()"
    ran = run(f"import sys; sys.modules[{package!r}] = None; {start}")
    assert ran.returncode == 1
    assert 'pip install "ragent[server]"' in ran.stderr


def test_the_command_line_is_loaded_without_them() -> None:
    ran = run("import ragent.cli.app, sys; print({'fastapi', 'uvicorn', 'starlette'} & set(sys.modules))")
    assert ran.stdout.strip() == "set()"


def test_help_teaches() -> None:
    ran = run("import sys; sys.argv = ['ragent', 'serve', '--help']; from ragent.cli.app import main; main()")
    assert ran.returncode == 0
    for taught in ("http://127.0.0.1:8000/v1", "sign_in", "ragent keys add", "--insecure"):
        assert taught in " ".join(ran.stdout.split())
