from __future__ import annotations

import pytest

from ragent import registry
from ragent.errors import ConfigError


def test_ours_are_registered() -> None:
    assert {"docx", "html", "markdown", "pdf", "rst", "text"} <= set(registry.names("ragent.parsers"))
    assert "minilm" in registry.names("ragent.embedders")


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="unknown llm 'gpt'\n  known: llamacpp"):
        registry.load("ragent.llms", "gpt")
