"""One way to set up a program: what it changes of the way it is set up now."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from ragent.config import Settings
from ragent.errors import EvalError
from ragent.prompts import Example

NO_CHANGES: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Candidate:
    """Changes to a program; without any, it is the program as it stands.

    Attributes:
        settings: by section and key, as {"ask.k": 3}.
        instruction: what the prompt tells the model to do; "" leaves it as it is.
        examples: good answers that are shown to the model.
    """

    settings: Mapping[str, Any] = field(default_factory=lambda: NO_CHANGES)
    instruction: str = ""
    examples: tuple[Example, ...] = ()

    @property
    def digest(self) -> str:
        """Equal for equal changes only."""
        parts = [
            dict(sorted(self.settings.items())),
            self.instruction,
            [[example.question, example.answer, *example.passages] for example in self.examples],
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]

    @property
    def name(self) -> str:
        """What it changes, for people."""
        said = [f"{key.rpartition('.')[2]} = {value}" for key, value in sorted(self.settings.items())]
        if self.instruction:
            said.append(f"“{self.instruction}”")
        if self.examples:
            said.append(f"{len(self.examples)} examples")
        return ", ".join(said) or "as it is"

    def joined(self, other: Candidate) -> Candidate:
        """Both changes; where they change the same, the other's."""
        return replace(
            self,
            settings={**self.settings, **other.settings},
            instruction=other.instruction or self.instruction,
            examples=other.examples or self.examples,
        )


def changed(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    """Settings with some of them changed. Raises EvalError for an unknown one, or an impossible value."""
    sections: dict[str, Any] = {}
    for name, value in changes.items():
        section, _, key = name.partition(".")
        before = sections.get(section, getattr(settings, section, None))
        if before is None or key not in type(before).model_fields:
            raise EvalError(f"there is no setting {name!r}", hint="section and key, as ask.k")
        try:
            sections[section] = type(before).model_validate({**before.model_dump(), key: value})
        except ValidationError as error:
            raise EvalError(f"{name} can't be {value!r}: {error.errors()[0]['msg']}") from None
    return settings.model_copy(update=sections)
