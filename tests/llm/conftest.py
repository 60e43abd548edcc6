from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.model_server import llama_server
from tests.server.conftest import Running, running

if TYPE_CHECKING:
    from ragent.llm.llamacpp import LlamaCpp


@pytest.fixture(scope="session")
def engine() -> LlamaCpp:
    from ragent.config import LLMSettings
    from ragent.llm.llamacpp import open_llamacpp

    return open_llamacpp(LLMSettings(n_ctx=1024, threads=1))


@pytest.fixture(scope="session")
def llama_url() -> Iterator[str]:
    """llama-cpp-python's own server."""
    with llama_server() as url:
        yield url


@pytest.fixture(scope="session")
def ragent_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """`ragent serve`, with the small model."""
    config = "[llm]\nn_ctx = 512\nthreads = 1\n"
    with running(tmp_path_factory.mktemp("serving") / "home", config=config) as started:
        yield started
