"""Asks the model what to do next: by a grammar, or by its server's own protocol for tools."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from ragent.agent.guarding import LEAST_TOKENS
from ragent.agent.offering import Acted, Offering
from ragent.agent.plain import as_json, cut, plain_text, read_json
from ragent.agent.run import Step, StopReason
from ragent.errors import ContextOverflow, MalformedOutput
from ragent.prompts import Fitted, PromptTemplate, fit
from ragent.protocols import LLM, ToolCalling
from ragent.structured import FormConstraint, constrain, target_of
from ragent.structured.validating import problem_of
from ragent.types import Exchange, Message, Sampling, Tool, Usage, Wish

_LEAST_CHARS = 200
_SHOWN_CALL = 1500
_NOTHING = "neither a call nor an answer was given"
_POLL_SECONDS = 0.5


class Stopped(Exception):
    """The run ends before the model has decided."""

    def __init__(self, reason: StopReason, note: str) -> None:
        super().__init__(note)
        self.reason: StopReason = reason
        self.note = note


class Situation(Protocol):
    """What the model's decision goes by: a run that is on its way."""

    @property
    def task(self) -> str: ...

    @property
    def steps(self) -> Sequence[Step]: ...

    @property
    def tokens_left(self) -> int | None: ...

    @property
    def seconds_left(self) -> float | None: ...

    def is_cancelled(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Decision:
    """What the model wants, and the tokens that it took.

    `unseen` and `shortened` are what its prompt had no room for (see `Step`).
    """

    acted: Acted
    usage: Usage
    unseen: int = 0
    shortened: int = 0


class Decides(Protocol):
    """Decides what a run does next: a Decider, or what plans or criticises on top of one."""

    def decide(self, situation: Situation, offering: Offering) -> Decision:
        """The next step. Raises as `Decider.decide` does."""


@dataclass(frozen=True, slots=True)
class Decider:
    """Asks a model.

    Attributes:
        llm: the model.
        template: what is said to it.
        native_template: the same where its server has a protocol for tools.
        sampling: `max_tokens` is the longest step.
        said: what else the templates take: instructions, the conversation before the task.
    """

    llm: LLM
    template: PromptTemplate
    native_template: PromptTemplate
    sampling: Sampling
    said: Mapping[str, Any]

    def decide(self, situation: Situation, offering: Offering) -> Decision:
        """The model's next step.

        Raises:
            Stopped: the tokens that are left don't do for it, time is over, or somebody ended the run.
            LLMError: the model failed, or the prompt doesn't fit.
            SchemaError: the form became too complex on the way.
        """
        if isinstance(self.llm, ToolCalling) and self.llm.calls_tools and offering.answers_freely:
            decision = self._by_protocol(self.llm, situation, offering)
            if decision:
                return decision
        values = self._values(situation, offering)
        fitted, shortened = self._fitted(self.template, values, situation.steps)
        sampling = self._sampling(fitted.tokens, situation)
        text, usage = self._write(
            fitted.messages, replace(sampling, repeat_penalty=1.0), offering.constraint, situation
        )
        return Decision(offering.read(text), usage, len(fitted.left_out["steps"]), shortened)

    def ask(
        self,
        template: PromptTemplate,
        values: Mapping[str, Any],
        wanted: Any,
        situation: Situation,
        spent: int = 0,
    ) -> tuple[Any, Usage]:
        """A value of a given form, beside the steps: a plan, say, or what is wrong with an answer.

        Args:
            template: is given `values`, what it is `said`, the task as `question`, and the `steps`.
            values: what else it takes.
            wanted: the JSON Schema.
            situation: what is left.
            spent: tokens of this step that were used already.

        Raises:
            Stopped: as `decide` does.
            LLMError: the model failed, the prompt doesn't fit, or the value has another form.
        """
        target = target_of(wanted)
        told = {**self.said, "question": situation.task, **values}
        fitted, _ = self._fitted(template, told, situation.steps)
        sampling = replace(self._sampling(fitted.tokens, situation, spent), repeat_penalty=1.0)
        text, usage = self._write(fitted.messages, sampling, constrain(target), situation)
        try:
            value = read_json(text)
            problem = problem_of(target.schema, value)
        except ValueError as error:
            value, problem = None, str(error)
        if problem:
            raise MalformedOutput(f"the model's {template.name} doesn't have its form: {problem}", text=text)
        return value, usage

    def _write(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        constraint: FormConstraint,
        situation: Situation,
    ) -> tuple[str, Usage]:
        pieces: list[str] = []
        usage = Usage()
        look_at = time.monotonic() + _POLL_SECONDS
        stream = self.llm.stream(messages, sampling, constraint)
        try:
            for delta in stream:
                pieces.append(delta.text)
                usage = delta.usage or usage
                if time.monotonic() > look_at:
                    check(situation)
                    look_at = time.monotonic() + _POLL_SECONDS
        finally:
            if isinstance(stream, Generator):
                stream.close()
        return "".join(pieces), usage

    def _by_protocol(self, llm: ToolCalling, situation: Situation, offering: Offering) -> Decision | None:
        values = self._values(situation, offering)
        tools = [
            replace(offering.tools[name], parameters=schema) for name, schema in offering.parameters.items()
        ]
        fitted, unseen, shown = self._beside(values, situation.steps, tools)
        turn = llm.call_tools(fitted.messages, shown, tools, self._sampling(fitted.tokens, situation))
        if turn is None:
            return None
        text = plain_text(turn.text)
        if not turn.calls:
            said = offering.answered("", text) if text.strip() else Acted(problem=_NOTHING)
            return Decision(said, turn.usage, unseen)
        asked = []
        for wish in turn.calls:
            try:
                asked.append((plain_text(wish.name), read_json(wish.arguments or "{}")))
            except ValueError as error:
                problem = f"the arguments of {plain_text(wish.name)[:80]} are not JSON: {error}"
                return Decision(Acted(text, problem=problem), turn.usage, unseen)
        return Decision(offering.asked(text, asked), turn.usage, unseen)

    def _beside(
        self, values: Mapping[str, Any], steps: Sequence[Step], tools: Sequence[Tool]
    ) -> tuple[Fitted, int, list[Exchange]]:
        """The prompt beside tools and exchanges, as many of the last of which as there is room for."""
        exchanges = [_exchange(step) for step in steps]
        offered = [[tool.name, tool.description, tool.parameters] for tool in tools]
        for unseen in range(max(1, len(exchanges))):
            shown = exchanges[unseen:]
            said = as_json([offered, [asdict(exchange) for exchange in shown]])
            beside = self.llm.count_prompt([Message("user", said)])
            try:
                fitted = self._fit(self.native_template, values, self._budget - beside)
                return replace(fitted, tokens=fitted.tokens + beside), unseen, shown
            except ContextOverflow as error:
                overflow = error
        raise overflow

    def _values(self, situation: Situation, offering: Offering) -> dict[str, Any]:
        told = offering.tools.values()
        return {
            **self.said,
            "tools": [
                {"name": tool.name, "description": tool.description, "schema": tool.parameters}
                for tool in told
            ],
            "together": [tool.name for tool in told if tool.pure],
            "answer_schema": None if offering.answers_freely else offering.answer.schema,
            "question": situation.task,
            "last": offering.only_answer,
        }

    def _fitted(
        self, template: PromptTemplate, values: Mapping[str, Any], steps: Sequence[Step]
    ) -> tuple[Fitted, int]:
        """With observations whole if the last of them fits so, else shortened until it does."""
        most = max((len(o.text) for step in steps for o in step.observations), default=0)
        most = max(most, _SHOWN_CALL)
        while True:
            shown, shortened = _shown(steps, max(most, _LEAST_CHARS))
            try:
                return self._fit(template, {**values, "steps": shown}, self._budget), shortened
            except ContextOverflow:
                if most <= _LEAST_CHARS:
                    raise
                most //= 2

    def _fit(self, template: PromptTemplate, values: Mapping[str, Any], budget: int) -> Fitted:
        return fit(template, values, count_prompt=self.llm.count_prompt, budget=budget)

    @property
    def _budget(self) -> int:
        """Tokens of a prompt: a step's, but no more than a quarter of the context, are kept free."""
        context = self.llm.context_tokens
        return context - min(self.sampling.max_tokens or context, context // 4)

    def _sampling(self, prompt_tokens: int, situation: Situation, spent: int = 0) -> Sampling:
        """For a step within what is left."""
        check(situation)
        left = self.llm.context_tokens - prompt_tokens
        if situation.tokens_left is not None:
            left = min(left, situation.tokens_left - prompt_tokens - spent)
        if left < LEAST_TOKENS:
            raise Stopped("tokens", f"the next step takes more tokens than are left ({max(0, left)})")
        seconds = [limit for limit in (situation.seconds_left, self.sampling.timeout_s) if limit is not None]
        return replace(
            self.sampling,
            max_tokens=min(left, self.sampling.max_tokens or left),
            timeout_s=min(seconds, default=None),
        )


def check(situation: Situation) -> None:
    """Raises Stopped if the run was told to end, or its time is over."""
    if situation.is_cancelled():
        raise Stopped("cancelled", "it was told to end")
    if situation.seconds_left == 0:
        raise Stopped("seconds", "its time is over")


def _shown(steps: Sequence[Step], most: int) -> tuple[list[dict[str, Any]], int]:
    """Steps as the template takes them, and how many characters of their observations were left out."""
    shown, shortened = [], 0
    for step in steps:
        observed = [cut(observation.text, most) for observation in step.observations]
        shortened += sum(left_out for _, left_out in observed)
        texts = [text for text, _ in observed]
        shown.append(
            {"said": _said(step, min(most, _SHOWN_CALL)), "observed": texts[0] if len(texts) == 1 else texts}
        )
    return shown, shortened


def _said(step: Step, most: int) -> dict[str, Any]:
    """The step as the model wrote it, but for giant thoughts and arguments."""
    calls = [{"tool": call.tool, "arguments": _shortened(call.arguments, most)} for call in step.calls]
    action = {"action": calls[0] if len(calls) == 1 else calls} if calls else {}
    return {"thought": cut(step.thought, most)[0], **action}


def _shortened(arguments: Mapping[str, Any], most: int) -> Any:
    text = as_json(arguments)
    return arguments if len(text) <= most else cut(text, most)[0]


def _exchange(step: Step) -> Exchange:
    wishes = tuple(Wish(call.tool, as_json(call.arguments)) for call in step.calls)
    return Exchange(step.thought, wishes, tuple(observation.text for observation in step.observations))
