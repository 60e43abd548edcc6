"""What a request for an answer may say. What isn't understood is refused, by its name."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ragent.server.errors import Refused
from ragent.server.openai.said import Messages
from ragent.types import Sampling

_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)
_SEEDS = 2**32
_MOST_TOOLS = 128

ShortText = Annotated[str, Field(min_length=1, max_length=1000)]


class StreamOptions(BaseModel):
    """`include_usage`: a last chunk tells the tokens."""

    model_config = _STRICT
    include_usage: bool = False
    include_obfuscation: Literal[False] | None = None


class Sampled(BaseModel):
    """How an answer is written; what isn't given is as `[llm]` says.

    `user` and `metadata` may be sent, and change nothing. `n` is 1, and there are no log-probabilities.
    """

    model_config = _STRICT
    model: Annotated[str, Field(min_length=1, max_length=300)]
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    max_tokens: int | None = Field(None, ge=1)
    stop: ShortText | Annotated[list[ShortText], Field(max_length=16)] | None = None
    seed: int | None = None
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    n: Literal[1] | None = 1
    user: str | None = None
    metadata: dict[str, str] | None = None
    logit_bias: Annotated[dict[str, float], Field(max_length=0)] | None = None

    @property
    def most_tokens(self) -> int | None:
        """The longest answer, in tokens, as asked for."""
        return self.max_tokens

    @property
    def stops(self) -> tuple[str, ...]:
        """The texts before which it ends."""
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())

    def changes(self) -> dict[str, Any]:
        """What differs from `[llm]`."""
        given: dict[str, Any] = {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "max_tokens": self.most_tokens,
            "seed": None if self.seed is None else self.seed % _SEEDS,
            "frequency_penalty": self.frequency_penalty,
            "presence_penalty": self.presence_penalty,
        }
        return {name: value for name, value in given.items() if value is not None}

    def sampling(self, usual: Sampling) -> Sampling:
        """How the plain model samples."""
        return replace(usual, stop=self.stops, **self.changes())


class FunctionAsked(BaseModel):
    """A function that may be called; `parameters` is a JSON Schema."""

    model_config = _STRICT
    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,63}$")]
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class ToolAsked(BaseModel):
    """A tool; only functions can be called."""

    model_config = _STRICT
    type: Literal["function"]
    function: FunctionAsked


class FunctionNamed(BaseModel):
    """A function by its name."""

    model_config = _STRICT
    name: str


class ToolNamed(BaseModel):
    """The tool that has to be called."""

    model_config = _STRICT
    type: Literal["function"]
    function: FunctionNamed


class JsonSchemaAsked(BaseModel):
    """The form of an answer. It is always held, whether `strict` or not."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    name: str | None = None
    description: str | None = None
    form: dict[str, Any] = Field(alias="schema")
    strict: bool | None = None


class Formed(BaseModel):
    """`text`, `json_object`, or `json_schema` with one."""

    model_config = _STRICT
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchemaAsked | None = None

    @property
    def schema_wanted(self) -> dict[str, Any] | None:
        """The JSON Schema; None where any text will do. Raises Refused where it is missing."""
        if self.type == "text":
            return None
        if self.type == "json_object":
            return {"type": "object"}
        if self.json_schema is None:
            raise Refused("response_format.json_schema is missing", param="response_format.json_schema")
        return self.json_schema.form


class FromDocuments(BaseModel):
    """What ragent takes beside OpenAI's parameters: how the documents are asked.

    Attributes:
        collection: which documents.
        k: passages put before the model.
        mode: which engines search.
        filter: only documents that meet it are asked: {"year": {">=": 2020}}, say.
        style: how the answer is made.
        draft: with `stream`: the model's draft is sent as it is written. What is sent otherwise was checked.
    """

    model_config = _STRICT
    collection: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    k: int | None = Field(None, ge=1, le=100)
    mode: Literal["hybrid", "dense", "keyword"] | None = None
    filter: dict[str, Any] | str | None = None
    style: Literal["auto", "draft", "think", "quote", "extract"] | None = None
    draft: bool = False


class ChatAsked(Sampled):
    """`POST /v1/chat/completions`."""

    messages: Messages
    max_completion_tokens: int | None = Field(None, ge=1)
    tools: Annotated[list[ToolAsked], Field(max_length=_MOST_TOOLS)] | None = None
    tool_choice: Literal["none", "auto", "required"] | ToolNamed | None = None
    parallel_tool_calls: bool | None = None
    response_format: Formed | None = None
    ragent: FromDocuments | None = None
    logprobs: Literal[False] | None = None
    store: Literal[False] | None = None

    @property
    def most_tokens(self) -> int | None:
        """The longest answer, in tokens, as asked for by either name."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def schema_wanted(self) -> dict[str, Any] | None:
        """The JSON Schema of the answer, if it is to have one."""
        return self.response_format.schema_wanted if self.response_format else None


class CompletionAsked(Sampled):
    """`POST /v1/completions`: one text, which is put before the model as a user's message."""

    prompt: Annotated[str, Field(min_length=1)] | Annotated[list[str], Field(min_length=1, max_length=1)]
    best_of: Literal[1] | None = None
    echo: Literal[False] | None = None
    logprobs: None = None
    suffix: None = None

    @property
    def text(self) -> str:
        """The prompt."""
        return self.prompt if isinstance(self.prompt, str) else self.prompt[0]
