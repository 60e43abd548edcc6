from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from ragent.config import LLMSettings
from ragent.errors import ServerError
from ragent.llm.openai import open_openai
from ragent.protocols import Foretelling
from ragent.served import Retries
from ragent.types import Message
from tests.serving import Site, say, serving

ASKED = (Message("user", "Is it so? Say only Yes or No."),)
TOLD = {"choices": [{"logprobs": {"content": [{"top_logprobs": [{"token": "Yes", "logprob": -0.5}]}]}}]}


def tell(site: Site, answer: Any, status: int = 200) -> list[dict[str, Any]]:
    """Serve a model whose chats are answered so; the bodies of the requests are added to the list."""
    bodies: list[dict[str, Any]] = []

    def chat(handler: BaseHTTPRequestHandler) -> None:
        bodies.append(json.loads(handler.rfile.read(int(handler.headers["Content-Length"]))))
        say(json.dumps(answer), status)(handler)

    site.answers["/v1/models"] = say(json.dumps({"data": [{"id": "small", "owned_by": "someone"}]}))
    site.answers["/v1/chat/completions"] = chat
    return bodies


def first_tokens(site: Site) -> Any:
    model = open_openai(LLMSettings(url=f"{site.url}/v1", seconds=5), retries=Retries(1, 0.01))
    assert isinstance(model, Foretelling)
    return model.first_tokens(ASKED)


def test_a_server_tells_how_an_answer_begins() -> None:
    with serving() as site:
        bodies = tell(site, TOLD)
        assert first_tokens(site) == {"Yes": -0.5}
    (body,) = bodies
    assert (body["max_tokens"], body["logprobs"], body["stream"]) == (1, True, False)
    assert "stream_options" not in body


@pytest.mark.parametrize(
    "answer",
    [{}, {"choices": []}, {"choices": [{"message": {}}]}, {"choices": [{"logprobs": {"content": []}}]}, []],
)
def test_a_server_that_tells_none(answer: Any) -> None:
    with serving() as site:
        tell(site, answer)
        assert first_tokens(site) is None


def test_a_server_that_refuses_to_tell_and_one_that_fails() -> None:
    with serving() as site:
        tell(site, {"error": {"message": "logprobs are not supported"}}, 400)
        assert first_tokens(site) is None
        tell(site, {"error": {"message": "out of order"}}, 500)
        with pytest.raises(ServerError):
            first_tokens(site)
