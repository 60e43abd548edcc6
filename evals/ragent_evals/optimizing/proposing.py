"""What to try: other instructions, other numbers, examples, and what did well joined together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from ragent.config import Settings
from ragent.errors import EvalError, RagentError
from ragent.protocols import LLM
from ragent.types import Message, Sampling
from ragent_evals.optimizing.candidate import Candidate

GRID: Mapping[str, tuple[str, tuple[Any, ...]]] = {
    "style": ("ask.style", ("quote", "draft", "extract")),
    "k": ("ask.k", (3, 6, 10)),
    "focus_tokens": ("ask.focus_tokens", (128, 256, 512)),
    "dense_weight": ("retrieval.dense_weight", (0.2, 0.4, 0.6, 0.8)),
    "rerank": ("retrieval.rerank", ((), ("maxsim",))),
    "chunk": ("chunking.target_tokens", (90, 180, 230)),
}
"""By what `--tune` calls it: the setting, and what it may become."""

AGENT_GRID: Mapping[str, tuple[str, tuple[Any, ...]]] = {
    "likest_first": ("agent.likest_first", (True, False)),
    "max_steps": ("agent.max_steps", (4, 6, 10, 16)),
}
"""The same for agents."""

INSTRUCTION, EXAMPLES, THRESHOLD = "instruction", "examples", "abstain_below"
NAMES = (INSTRUCTION, EXAMPLES, THRESHOLD, *GRID)
DEFAULT = (INSTRUCTION, EXAMPLES, THRESHOLD, "style", "k", "focus_tokens", "dense_weight", "rerank")
"""Chunk lengths are left out: each is another collection."""
AGENT_NAMES = (INSTRUCTION, EXAMPLES, *AGENT_GRID)

WRITING = ("draft", "think")
"""Styles in which the model writes: only there do examples and shortened passages reach it."""

INSTRUCTIONS = (
    "Answer in a few words.",
    "Answer with the name, date or number that is asked for, and nothing else.",
    "Copy the words of the passages that answer the question.",
    "Say only what the passages say, as shortly as you can.",
    "First find the sentence that answers the question, then give the words of it that are asked for.",
    "Answer precisely what is asked, in one short sentence, with the words of the passages.",
    "You are a careful expert. Give the exact answer that the passages prove.",
)
"""Ways to ask for a short answer that have done well for models of different sizes."""

_ASK = (
    "Here is an instruction to somebody who answers questions from documents:\n\n{}\n\nSay it in other words."
)
_FORM = r"[A-Z][a-z]+( [a-z]+,?){5,22}\."
_MOST_JOINED = 6


def check_names(names: Sequence[str], known: Sequence[str] = NAMES) -> None:
    """Raises EvalError for what can't be tuned."""
    for name in names:
        if name not in known:
            raise EvalError(f"{name!r} can't be tuned", hint=f"--tune: {', '.join(known)}")


def numbers(settings: Settings, style: str, names: Sequence[str]) -> Iterator[Candidate]:
    """Each value of each setting that isn't the one in force, of those that matter in a style of answers."""
    for name, (key, values) in GRID.items():
        section, _, field = key.partition(".")
        now = style if name == "style" else getattr(getattr(settings, section), field)
        if name in names and (name != "focus_tokens" or style in WRITING):
            yield from (Candidate({key: value}) for value in values if value != now)


def numbers_of_agents(settings: Settings, names: Sequence[str]) -> Iterator[Candidate]:
    """The same for the settings of agents."""
    now = settings.agent.model_dump()
    for name, (key, values) in AGENT_GRID.items():
        if name in names:
            yield from (Candidate({key: value}) for value in values if value != now[name])


def instructions(now: str, more: Iterable[str] = ()) -> list[Candidate]:
    """A list that is always tried, and some more, without repetitions."""
    texts = dict.fromkeys(text for text in (*INSTRUCTIONS, *more) if text != now)
    return [Candidate(instruction=text) for text in texts]


def by_model(llm: LLM, now: str, count: int) -> list[str]:
    """An instruction in other words, as a model has it: one sentence of plain words, by a grammar."""
    from outlines.types import Regex

    from ragent.structured import generate

    found = []
    for seed in range(count):
        sampling = Sampling(max_tokens=48, temperature=0.8, top_p=0.95, seed=seed)
        messages = [Message("user", _ASK.format(now))]
        try:
            found.append(str(generate(llm, messages, Regex(_FORM), sampling=sampling).value))
        except RagentError:
            continue  # a model that has nothing to say is no reason to stop
    return list(dict.fromkeys(found))


def joined(best: Sequence[Candidate]) -> list[Candidate]:
    """Changes that did well by themselves, best first, together: pairs, and more and more of them."""
    pairs = [one.joined(other) for index, one in enumerate(best[:3]) for other in best[index + 1 : 3]]
    rows = []
    for count in range(3, len(best) + 1):
        row = best[0]
        for other in best[1:count]:
            row = row.joined(other)
        rows.append(row)
    return distinct([*pairs, *rows])[:_MOST_JOINED]


def distinct(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Without those that change the same as an earlier one."""
    by_digest: dict[str, Candidate] = {}
    for candidate in candidates:
        by_digest.setdefault(candidate.digest, candidate)
    return list(by_digest.values())


def in_turn(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The first of each kind, then the second of each: a small budget tries the first ones only."""
    kinds: dict[tuple[str, ...], list[Candidate]] = {}
    for candidate in candidates:
        kinds.setdefault(dimension(candidate), []).append(candidate)
    return [one for row in zip_longest(*kinds.values()) for one in row if one is not None]


def dimension(candidate: Candidate) -> tuple[str, ...]:
    """What a candidate changes: two that change the same can't be joined."""
    changes = tuple(sorted(candidate.settings))
    more = (INSTRUCTION,) * bool(candidate.instruction) + (EXAMPLES,) * bool(candidate.examples)
    return changes + more
