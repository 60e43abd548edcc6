"""What is said to a language model: templates, and how many passages fit into them."""

from __future__ import annotations

from ragent.prompts.fit import Fitted, fit_passages
from ragent.prompts.preview import Preview, preview
from ragent.prompts.template import PromptTemplate, load_prompt, prompt_names

__all__ = [
    "Fitted",
    "Preview",
    "PromptTemplate",
    "fit_passages",
    "load_prompt",
    "preview",
    "prompt_names",
]
