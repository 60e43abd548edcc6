"""Agents that work for people: with which tools, and by whose word."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ragent.agent import Agent, Call, Limits, Run, SavedRuns, Step, ToolContext, ask_always, open_tools
from ragent.errors import NotAllowed, RagentError
from ragent.prompts import load_prompt
from ragent.rag import Rag
from ragent.service.access import Role, require
from ragent.service.approvals import Approvals
from ragent.service.conversations import Conversation, State, Turn
from ragent.service.turns import Stopped
from ragent.store import KnownDocument
from ragent.types import Tool

if TYPE_CHECKING:
    from ragent.service.session import Changes, Session

_MCP = "mcp:"
_HARMLESS = frozenset(
    {"search", "open_document", "calculate", "dates", "convert_units", "lookup_name", "fetch"}
)
"""What these reach is bound by the collection, or by what the settings of `fetch` allow everybody."""

_REMEMBERING: dict[str, Role] = {"recall": "reader", "remember": "editor", "forget_fact": "editor"}
_NOT_CHANGED = ("tools", "mcp")
_STATES: dict[str, State] = {"answer": "done", "cancelled": "stopped"}


@dataclass(frozen=True, slots=True)
class Task:
    """What an agent is to do, in how many steps at most, under which other settings."""

    text: str
    max_steps: int = 10
    changes: Changes = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Agents:
    """The agents that may work for somebody."""

    session: Session

    def tools(self, collection: str) -> list[str]:
        """The names of the tools that they may use there, of those that the settings enable. Raises NotThere.

        A tool with side effects is among them, but an editor's only.
        """
        self.session.require(collection, "reader")
        enabled = self.session.service.settings.tools.enabled
        return [name for name in enabled if self._may_use(name)]

    def work(
        self, conversation: Conversation, task: Task, approvals: Approvals, stop: threading.Event
    ) -> Iterator[Step | Turn]:
        """Do a task in a conversation: each step as it is done, then the turn as it is kept.

        Every call with side effects waits for a word in `approvals`; meanwhile others have their turns.

        Raises:
            NotThere: there is no such collection for them.
        """
        self.session.require(conversation.collection, "reader")
        kept = self.session.conversations
        history = kept.history(conversation.id)
        message = kept.ask(conversation.id, task.text)
        rag = self._rag(conversation.collection, task)
        noted = False
        try:
            with ExitStack() as turn, self._tools(rag) as tools:
                turn.enter_context(self._turn(stop))
                approve = self._approve(conversation.collection, approvals, stop, turn)
                agent = replace(self._agent(rag, task, tools), history=history, approve=approve)
                for part in agent.stream(task.text, tainted=bool(history), should_stop=stop.is_set):
                    if isinstance(part, Run):
                        self._note(message, rag, part)
                        noted = True
                    else:
                        yield part
        except Stopped:
            pass
        except RagentError as error:
            kept.answered(message, "", "failed", {"error": error.message, "hint": error.hint})
            noted = True
        finally:
            if not noted:
                kept.answered(message, "", "stopped", {})
        yield next(turn for turn in kept.turns(conversation.id) if turn.id == message)

    # -- what they may use ------------------------------------------------------------------------------

    def _may_use(self, name: str) -> bool:
        """Whether they may have a tool at all; whether a call of it is made is another question."""
        settings = self.session.service.settings
        if name in _HARMLESS or name in settings.server.tools_for_all:
            return True
        if name in _REMEMBERING:
            return _is_at_least(self.session.role_in(settings.tools.memory), _REMEMBERING[name])
        caller = self.session.caller
        return caller.is_admin and caller.collections is None

    @contextmanager
    def _tools(self, rag: Rag) -> Iterator[list[Tool]]:
        """Opened: those with side effects only for an editor of the collection."""
        collection = rag.settings.collection
        names = self.tools(collection)
        servers = [name.removeprefix(_MCP) for name in names if name.startswith(_MCP)]
        tools = open_tools([name for name in names if not name.startswith(_MCP)], ToolContext.of(rag))
        with ExitStack() as stack:
            if servers:
                from ragent.agent.mcp_client import MCPServers

                opened = stack.enter_context(MCPServers(rag.settings.mcp.servers))
                tools += [tool for server in servers for tool in opened.tools(server)]
            is_editor = _is_at_least(self.session.role_in(collection), "editor")
            yield [tool for tool in tools if is_editor or not tool.side_effects]

    def _rag(self, collection: str, task: Task) -> Rag:
        """What tools reach isn't the asker's to change."""
        changes = {name: values for name, values in task.changes.items() if name not in _NOT_CHANGED}
        return self.session.rag(collection, changes=changes)

    # -- a run ------------------------------------------------------------------------------------------

    def _agent(self, rag: Rag, task: Task, tools: Sequence[Tool]) -> Agent:
        made_with = {
            "tools": self.tools(rag.settings.collection),
            "schema": None,
            "collection": rag.settings.collection,
            "limits": {"steps": task.max_steps, "seconds": None, "tokens": None},
        }
        return Agent(
            rag.llm,
            tools,
            limits=Limits(steps=task.max_steps),
            policy=ask_always,
            runs=SavedRuns(rag.store, made_with),
            prompt=load_prompt("react", rag.home / "prompts"),
            sampling=rag.settings.llm.sampling,
            tracer=rag.tracer,
        )

    def _turn(self, stop: threading.Event) -> Any:
        return self.session.service.turnstile.turn(self.session.caller.name, stop.is_set)

    def _approve(
        self, collection: str, approvals: Approvals, stop: threading.Event, turn: ExitStack
    ) -> Callable[[Call, str], bool]:
        def approve(call: Call, why: str) -> bool:
            # A person may think for minutes: whoever else waits goes on meanwhile.
            turn.close()
            agreed = approvals.ask(call, why, stop.is_set)
            turn.enter_context(self._turn(stop))
            return agreed and _is_at_least(self.session.role_in(collection), "editor")

        return approve

    def _note(self, message: str, rag: Rag, run: Run) -> None:
        details: dict[str, Any] = {"run": asdict(run)}
        state = _STATES.get(run.stop_reason or "", "failed")
        if state == "failed":
            details["error"] = f"The agent ended without an answer ({run.stop_reason}): {run.note}"
        read = _read_by(run, rag) if run.tainted else []
        details["hits"] = [{"document_id": one.id, "uri": one.uri, "chunk_id": 0} for one in read]
        text = run.output if isinstance(run.output, str) else ""
        self.session.conversations.answered(message, text, state, details, [one.id for one in read])


def _read_by(run: Run, rag: Rag) -> list[KnownDocument]:
    """The documents whose addresses were observed: what tools show of a document begins with its address."""
    texts = [observation.text for step in run.steps for observation in step.observations]
    found = rag.store.find_collection(rag.settings.collection)
    known = rag.store.known_documents(found.id).values() if found else ()
    return [one for one in known if any(one.uri in text for text in texts)]


def _is_at_least(have: Role | None, wanted: Role) -> bool:
    if have is None:
        return False
    try:
        require(have, wanted, "")
    except NotAllowed:
        return False
    return True
