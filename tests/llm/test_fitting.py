from __future__ import annotations

from types import SimpleNamespace

import psutil
import pytest

from ragent.config import LLMSettings
from ragent.errors import LLMError
from ragent.llm.fitting import fit
from ragent.llm.gguf import Header, read_header
from ragent.llm.models import DEFAULT_MODEL, resolve_model


@pytest.fixture(scope="module")
def header() -> Header:
    return read_header(resolve_model(DEFAULT_MODEL))


def free(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=size))


def test_weights_that_do_not_fit_are_refused(header: Header, monkeypatch: pytest.MonkeyPatch) -> None:
    free(monkeypatch, header.size_bytes - 1)
    with pytest.raises(LLMError, match="weights") as raised:
        fit(LLMSettings(), header, "tiny")
    assert "ragent models list" in str(raised.value.hint)


def test_the_context_that_would_fit_beside_the_weights_is_told(
    header: Header, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = header.cache_bytes(1)
    free(monkeypatch, header.size_bytes + 1000 * cell)
    with pytest.raises(LLMError, match="a context of 8192 tokens") as raised:
        fit(LLMSettings(), header, "tiny")
    assert "500 would fit" in str(raised.value.hint)
    assert fit(LLMSettings(n_ctx=500), header, "tiny").context_tokens == 500


def test_on_a_gpu_the_machines_memory_does_not_matter(
    header: Header, monkeypatch: pytest.MonkeyPatch
) -> None:
    free(monkeypatch, 1000)
    assert fit(LLMSettings(n_gpu_layers=-1), header, "tiny").context_tokens == 8192


def test_what_is_kept_takes_no_more_than_half_of_what_is_left(
    header: Header, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = header.cache_bytes(1)
    free(monkeypatch, header.size_bytes + 4000 * cell)
    assert fit(LLMSettings(n_ctx=500), header, "tiny").shape.cells == pytest.approx(2000, abs=2)
