from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ragent.trace import Outlet, SpanRecord, Tracer
from ragent.types import Message, Sampling

if TYPE_CHECKING:
    from ragent.llm.llamacpp import LlamaCpp

ASKED = [Message("user", "Say yes.")]


@dataclass
class Kept:
    """Keeps what ended."""

    spans: list[SpanRecord] = field(default_factory=list)

    def write(self, spans: Sequence[SpanRecord]) -> None:
        self.spans += [record for record in spans if record.duration_ns is not None]


def test_a_models_calls_are_traced_with_their_tokens(engine: LlamaCpp) -> None:
    kept = Kept()
    tracer = Tracer([Outlet(kept)])
    with tracer.span("root", "other"):
        *_, last = engine.stream(ASKED, Sampling(max_tokens=3))
        engine.log_likelihoods(ASKED, ["yes", "no"])
    tracer.flush()
    chat, score, root = kept.spans
    assert chat.name == f"chat {engine.name}"
    assert score.name == f"score {engine.name}"
    assert chat.parent_id == score.parent_id == root.span_id
    assert last.usage
    assert chat.attributes["gen_ai.provider.name"] == "llama.cpp"
    assert chat.attributes["gen_ai.usage.input_tokens"] == last.usage.prompt_tokens
    assert chat.attributes["gen_ai.usage.output_tokens"] == last.usage.completion_tokens
    prompt = engine.count_prompt(ASKED)
    assert score.attributes["gen_ai.usage.input_tokens"] == prompt + sum(engine.count(["yes", "no"]))
    assert score.attributes["ragent.continuations"] == 2
