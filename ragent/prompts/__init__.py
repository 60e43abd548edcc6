"""What is said to a language model: templates, and how many passages fit into them."""

from __future__ import annotations

from ragent.prompts.fit import Fitted, fit_passages
from ragent.prompts.template import PromptTemplate, load_prompt

__all__ = ["Fitted", "PromptTemplate", "fit_passages", "load_prompt"]
