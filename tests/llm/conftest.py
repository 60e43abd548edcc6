from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ragent.llm.llamacpp import LlamaCpp


@pytest.fixture(scope="session")
def engine() -> LlamaCpp:
    from ragent.config import LLMSettings
    from ragent.llm.llamacpp import open_llamacpp

    return open_llamacpp(LLMSettings(n_ctx=1024, threads=1))
