"""llama-cpp-python's own server with the small model, as a program of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from ragent.llm.models import DEFAULT_MODEL, resolve_model


@contextmanager
def llama_server(*arguments: str) -> Iterator[str]:
    """Its URL, `/v1` included, while inside."""
    for package in ("fastapi", "sse_starlette", "starlette_context", "uvicorn", "yaml"):
        pytest.importorskip(package, reason="needs llama-cpp-python[server]")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "llama_cpp.server", "--model", str(resolve_model(DEFAULT_MODEL))]
    command += ["--host", "127.0.0.1", "--port", port, "--n_ctx", "512", "--n_threads", "2"]
    # Its own code isn't ours to keep free of warnings.
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    server = subprocess.Popen([*command, "--verbose", "false", *arguments], env=environment)
    try:
        url = f"http://127.0.0.1:{port}/v1"
        _wait(f"{url}/models", server)
        yield url
    finally:
        server.terminate()
        server.wait(10)


def _wait(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert server.poll() is None, "the server ended"
        try:
            if httpx.get(url, trust_env=False).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    pytest.fail("the server doesn't start")
