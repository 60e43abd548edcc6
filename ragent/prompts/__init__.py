"""What is said to a language model: templates in versions, examples, and how much of it all fits."""

from __future__ import annotations

from ragent.prompts.examples import Example, choose_examples, read_examples
from ragent.prompts.fit import Fitted, fit
from ragent.prompts.head import Part
from ragent.prompts.library import load_prompt, prompt_names, prompt_versions, save_version
from ragent.prompts.preview import Preview, preview
from ragent.prompts.template import PromptTemplate, parse_prompt

__all__ = [
    "Example",
    "Fitted",
    "Part",
    "Preview",
    "PromptTemplate",
    "choose_examples",
    "fit",
    "load_prompt",
    "parse_prompt",
    "preview",
    "prompt_names",
    "prompt_versions",
    "read_examples",
    "save_version",
]
