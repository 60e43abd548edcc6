"""A model server of this machine that says what a test has written down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.serving import Answer, say, serving

USAGE = {"prompt_tokens": 40, "completion_tokens": 5}


def text(said: str) -> Answer:
    """A turn that is a text."""
    return _events([{"content": said[:3]}, {"content": said[3:]}])


def wishes(*calls: tuple[str, str], said: str = "") -> Answer:
    """A turn that calls tools: names and arguments, in pieces, as servers send them."""
    pieces: list[dict[str, Any]] = [{"content": said}] if said else []
    for at, (name, arguments) in enumerate(calls):
        begun = {"index": at, "id": f"x{at}", "type": "function", "function": {"name": name, "arguments": ""}}
        pieces.append({"tool_calls": [begun]})
        pieces += [
            {"tool_calls": [{"index": at, "function": {"arguments": part}}]}
            for part in (arguments[:4], arguments[4:])
        ]
    return _events(pieces)


def refusal(status: int, message: str) -> Answer:
    """An error."""
    return say(json.dumps({"error": {"message": message}}), status)


@dataclass
class ModelServer:
    """`turns` are taken in turn, the last again and again; `asked` are the bodies of the requests."""

    url: str
    turns: list[Answer]
    asked: list[dict[str, Any]] = field(default_factory=list)

    def chat(self, handler: BaseHTTPRequestHandler) -> None:
        self.asked.append(json.loads(handler.rfile.read(int(handler.headers["Content-Length"]))))
        self.turns[min(len(self.asked), len(self.turns)) - 1](handler)


@contextmanager
def model_server(*turns: Answer, owner: str = "someone") -> Iterator[ModelServer]:
    """Serve while inside."""
    with serving() as site:
        server = ModelServer(f"{site.url}/v1", list(turns))
        models = {"data": [{"id": "small", "owned_by": owner}]}
        site.answers["/v1/models"] = say(json.dumps(models))
        site.answers["/v1/chat/completions"] = server.chat
        yield server


def _events(deltas: list[dict[str, Any]]) -> Answer:
    chunks: list[Any] = [{"choices": [{"delta": delta}]} for delta in deltas]
    chunks += [{"choices": [{"delta": {}, "finish_reason": "stop"}]}, {"choices": [], "usage": USAGE}]
    lines = [json.dumps(chunk) for chunk in chunks] + ["[DONE]"]
    return say("".join(f"data: {line}\n\n" for line in lines), Content_Type="text/event-stream")
