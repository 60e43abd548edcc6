from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SETTINGS = """
[llm]
stitch = true
max_tokens = 8
threads = 1
[ask]
focus_tokens = 0
style = "draft"
k = 3
"""


@pytest.mark.slow
def test_passages_of_one_question_are_not_read_again_for_another(
    harbour: Callable[..., Any], tmp_path: Path
) -> None:
    config = tmp_path / "ragent.toml"
    config.write_text(SETTINGS, "utf-8")
    asked = ("What does the ferry to the island cost?", "How much does the ferry to the island cost?")
    answers = [harbour("--config", config, "--json", "ask", question).json for question in asked]
    usage = answers[1]["usage"]
    assert usage["reused_tokens"] > usage["prompt_tokens"] * 0.4
