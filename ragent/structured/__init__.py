"""Has models write values of a given form: pydantic models, JSON Schema, regular expressions, grammars.

The form holds by construction: at every token, only those that lead to it may be sampled.
"""

from __future__ import annotations

from ragent.structured.constraining import FormConstraint, constrain
from ragent.structured.decoding import Bounds
from ragent.structured.forms import Target, target_of
from ragent.structured.generating import Partial, Structured, generate, stream

__all__ = [
    "Bounds",
    "FormConstraint",
    "Partial",
    "Structured",
    "Target",
    "constrain",
    "generate",
    "stream",
    "target_of",
]
