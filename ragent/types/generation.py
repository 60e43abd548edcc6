"""What language models are given and give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens by the model's own count.

    Attributes:
        prompt_tokens: of the prompt.
        completion_tokens: of the output.
        reused_tokens: prompt tokens that needed no new computation.
        drafted_tokens: guesses at the output that were checked (see `[llm] speculate`).
        accepted_tokens: those of them that were right.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    reused_tokens: int = 0
    drafted_tokens: int = 0
    accepted_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation.

    `passages` are the parts of `content` that say the same in any prompt, retrieved text say, as they stand
    in it: a model may make use of having read them before.
    """

    role: Role
    content: str
    passages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dry:
    """Don't repeat yourself: what would prolong a repetition loses logits, ever more the longer it is.

    A token that would follow a repeated sequence of `length` tokens as it did before loses
    `multiplier * base ** (length - allowed_length)`.
    Source: https://github.com/oobabooga/text-generation-webui/pull/5677.

    Attributes:
        multiplier: 0: nothing is lost.
        base: how fast it grows.
        allowed_length: shorter repetitions are free.
        last_n: how many tokens of the output are looked at.
        breakers: no repetition reaches over these.
    """

    multiplier: float = 0.8
    base: float = 1.75
    allowed_length: int = 2
    last_n: int = 4096
    breakers: tuple[str, ...] = ("\n", ":", '"', "*")


@dataclass(frozen=True, slots=True)
class Mirostat:
    """Chance under control: the output's surprise is held at `tau` bits a token, learning at the rate `eta`.

    It stands in for top-k, top-p, min-p and typical sampling. Source: Basu et al. 2021, arXiv 2007.14966.
    """

    version: Literal[1, 2] = 2
    tau: float = 5.0
    eta: float = 0.1


@dataclass(frozen=True, slots=True)
class Sampling:
    """How an LLM picks tokens.

    A repetition penalty above 1 is the default because small models loop without one.

    Attributes:
        max_tokens: the longest output; None: until the context is full.
        temperature: 0: always the likeliest token (with `mirostat`: as 1).
        top_p: only the likeliest tokens that have this probability together.
        top_k: only so many of the likeliest; 0: any number.
        min_p: only tokens at least so likely as this share of the likeliest one's probability.
        typical_p: only the tokens whose surprise is nearest the expected one, of this probability together.
        repeat_penalty: divides the logits of the last tokens of the output; below zero it multiplies.
        repeat_last_n: how many those are; -1: all.
        frequency_penalty: what a token's logit loses for each time that it is among them.
        presence_penalty: what it loses if it is among them at all.
        dry: the penalty for repeated sequences; None: none.
        mirostat: None: off.
        seed: the same one gives the same output.
        stop: texts before which the output ends.
        timeout_s: an output that isn't complete by then, waiting for others included, is an error.
    """

    max_tokens: int | None = 256
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    typical_p: float = 1.0
    repeat_penalty: float = 1.1
    repeat_last_n: int = 64
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    dry: Dry | None = None
    mirostat: Mirostat | None = None
    seed: int = 0
    stop: tuple[str, ...] = ()
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """What an output must look like.

    `text` is a JSON Schema, a regular expression that the whole output matches, or a Lark grammar with a rule
    `start`. A model that is served by URL is given this; one that runs here gets a mask for every token.
    """

    kind: Literal["json", "regex", "grammar"]
    text: str


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Vocabulary:
    """A model's tokens, as a decoding constraint sees them.

    Attributes:
        pieces: The bytes of each token, with its leading space if it has one; none for control tokens.
        end_tokens: Those that end the output.
        tokenize: The model's own way to cut bytes into tokens, without control tokens. Some models' tokens
            begin with a space that the bytes don't.
    """

    pieces: tuple[bytes, ...]
    end_tokens: tuple[int, ...]
    tokenize: Callable[[bytes], list[int]]


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of a streamed completion. Only the last one carries `finish_reason` and `usage`."""

    text: str
    finish_reason: Literal["stop", "length"] | None = None
    usage: Usage | None = None
