from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from ragent import registry
from ragent.config import LLMSettings
from ragent.errors import (
    ConfigError,
    ContextOverflow,
    MalformedOutput,
    ModelNotFound,
    SchemaError,
    ServerError,
)
from ragent.llm.openai import ServedModel, open_openai
from ragent.rag import Rag
from ragent.served import Retries
from ragent.store import TraceStore, Wanted
from ragent.structured import generate
from ragent.types import Delta, Dry, Form, Message, Mirostat, Sampling, Usage
from tests.serving import Answer, Site, say, serving

ASKED = (Message("user", "Who signs?"),)
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
CHAT = "/v1/chat/completions"


@dataclass
class Server:
    """A model server: `chats` answer in turn, the last one again and again; `asked` are the bodies."""

    site: Site
    chats: list[Answer] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)

    def model(self, **settings: Any) -> ServedModel:
        return open_openai(
            LLMSettings(url=f"{self.site.url}/v1", **{"seconds": 5, **settings}), retries=Retries(3, 0.01)
        )

    def lists(self, owner: str = "someone", **more: Any) -> None:
        entry = {"id": "small", "owned_by": owner, **more}
        self.answer("/v1/models", {"object": "list", "data": [entry]})

    def answer(self, path: str, value: Any) -> None:
        def told(handler: BaseHTTPRequestHandler) -> None:
            body_of(handler)
            say(json.dumps(value))(handler)

        self.site.answers[path] = told

    def chat(self, handler: BaseHTTPRequestHandler) -> None:
        self.asked.append(json.loads(body_of(handler)))
        (self.chats.pop(0) if len(self.chats) > 1 else self.chats[0])(handler)


def body_of(handler: BaseHTTPRequestHandler) -> bytes:
    return handler.rfile.read(int(handler.headers["Content-Length"] or 0))


def events(*texts: str, finish: str | None = "stop", done: bool = True, usage: Any = None) -> Answer:
    chunks: list[Any] = [{"choices": [{"delta": {"content": text}}]} for text in texts]
    if finish:
        chunks.append({"choices": [{"delta": {}, "finish_reason": finish}]})
    if usage:
        chunks.append({"choices": [], "usage": usage})
    lines = [json.dumps(chunk, ensure_ascii=False) for chunk in chunks] + (["[DONE]"] if done else [])
    return say(
        "".join(f": beat\r\n\r\ndata: {line}\r\n\r\n" for line in lines), Content_Type="text/event-stream"
    )


def refuse(status: int, message: str, **headers: str) -> Answer:
    return say(json.dumps({"error": {"message": message}}), status, **headers)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as site:
        server = Server(site)
        server.lists()
        server.chats.append(events("Ann", " signs."))
        site.answers[CHAT] = server.chat
        yield server


def said(deltas: Sequence[Delta]) -> str:
    return "".join(delta.text for delta in deltas)


def ask(model: ServedModel, **sampling: Any) -> list[Delta]:
    return list(model.stream(ASKED, Sampling(**sampling)))


def test_an_answer_in_pieces(server: Server) -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 6}}
    server.chats[:] = [events("Ann", " signs.\u2028\x85Ü", finish="length", usage=usage)]
    *pieces, last = ask(server.model(), max_tokens=7, stop=("X",))
    assert [piece.text for piece in pieces] == ["Ann", " signs.\u2028\x85Ü"]
    assert last == Delta("", "length", Usage(9, 4, 6))
    (body,) = server.asked
    assert body["messages"] == [{"role": "user", "content": "Who signs?"}]
    assert (body["model"], body["max_tokens"], body["stop"], body["stream"]) == ("small", 7, ["X"], True)


def test_a_server_that_reports_no_usage(server: Server) -> None:
    last = ask(server.model())[-1]
    assert last.usage == Usage(server.model().count_prompt(ASKED), 2)


def test_the_settings_choose_it(server: Server, tmp_path: Path) -> None:
    with Rag.open(tmp_path, llm={"url": f"{server.site.url}/v1"}) as rag:
        assert not server.site.seen
        assert rag.llm.name == "small"
    assert registry.load("ragent.llms", "openai") is open_openai


def test_a_question_about_documents(server: Server, tmp_path: Path) -> None:
    (tmp_path / "crane.txt").write_text("The crane lifts 40 tonnes. The pier is long.", "utf-8")
    server.chats[:] = [events("The crane lifts", " 40 tonnes.")]
    with Rag.open(tmp_path / "home", llm={"url": f"{server.site.url}/v1"}) as rag:
        rag.ingest(tmp_path / "crane.txt")
        answer = rag.ask("How much does the crane lift?")
    assert [citation.quote for citation in answer.citations] == ["The crane lifts 40 tonnes."]
    assert "How much does the crane lift?" in server.asked[0]["messages"][-1]["content"]


def test_its_part_of_a_question_is_traced(server: Server, tmp_path: Path) -> None:
    (tmp_path / "crane.txt").write_text("The crane lifts 40 tonnes. The pier is long.", "utf-8")
    usage = {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 6}}
    server.chats[:] = [events("The crane lifts", " 40 tonnes.", usage=usage)]
    with Rag.open(tmp_path / "home", llm={"url": f"{server.site.url}/v1"}) as rag:
        rag.ingest(tmp_path / "crane.txt")
        rag.ask("How much does the crane lift?")
        rag.tracer.flush()
        traces = TraceStore(rag.store)
        (summary,) = traces.last(Wanted(kind="ask"))
        (trace,) = traces.find(summary.root.trace_id)
    assert [part.root.kind for part in trace.parts] == ["retrieval", "prompt", "chat", "check"]
    call = trace.parts[2].root
    assert call.name == "chat small"
    assert call.attributes["gen_ai.usage.input_tokens"] == 9
    assert call.attributes["gen_ai.usage.cache_read.input_tokens"] == 6
    assert call.attributes["server.address"] == "127.0.0.1"
    assert (summary.input_tokens, summary.output_tokens) == (9, 4)


def test_the_key_comes_from_the_environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGENT_SECRET_127_0_0_1_API_KEY", "s3cret")
    ask(server.model())
    assert all(headers["authorization"] == "Bearer s3cret" for _, headers in server.site.seen)
    server.chats[:] = [refuse(401, "no key")]
    with pytest.raises(ServerError, match="RAGENT_SECRET_127_0_0_1_API_KEY") as raised:
        ask(server.model())
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize(
    "url", ["ftp://host/v1", "host:80", "http://ann:pw@host/v1", "http://host/v1?key=pw"]
)
def test_no_url_for_a_server(url: str) -> None:
    with pytest.raises(ConfigError) as raised:
        open_openai(LLMSettings(url=url))
    assert "pw" not in str(raised.value)


def test_models_by_name(server: Server) -> None:
    listed = [{"id": "a:latest", "owned_by": "library"}, {"id": "b", "owned_by": "library"}]
    server.answer("/v1/models", {"data": listed})
    assert server.model(model="a").name == "a:latest"
    with pytest.raises(ModelNotFound, match="a:latest, b"):
        ask(server.model(model="c"))
    with pytest.raises(ModelNotFound, match="several"):
        ask(server.model())


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_tried_again(server: Server, status: int) -> None:
    server.chats[:] = [refuse(status, "busy", Retry_After="0"), refuse(status, "busy"), *server.chats]
    assert said(ask(server.model())) == "Ann signs."
    server.chats[:] = [refuse(status, "busy")]
    with pytest.raises(ServerError, match="busy") as raised:
        ask(server.model())
    assert raised.value.retryable
    assert len(server.asked) == 6


def test_a_wait_longer_than_the_limit_is_not_begun(server: Server) -> None:
    server.chats[:] = [refuse(429, "busy", Retry_After="Wed, 21 Oct 2099 07:28:00 GMT")]
    with pytest.raises(ServerError, match="429"):
        ask(server.model())
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (refuse(400, "bad field"), ServerError, "bad field"),
        (refuse(404, "no such page"), ServerError, "/v1"),
        (say("", 307, Location="http://127.0.0.1:9/"), ServerError, "not followed"),
        (refuse(400, "This model's maximum context length is 8 tokens"), ContextOverflow, "fewer passages"),
        (say("<html>a proxy</html>"), ServerError, "broke off"),
        (say("data: {not json}\n\n"), ServerError, "OpenAI protocol"),
        (say('data: {"choices": 7}\n\n'), ServerError, "OpenAI protocol"),
        (say(b"data: " + b"[" * 100_000), ServerError, "OpenAI protocol"),
        (say(b"x" * (2 << 20)), ServerError, "OpenAI protocol"),
        (events("Ann", finish=None, done=False), ServerError, "broke off"),
        (say('data: {"error": {"message": "out of memory"}}\n\n'), ServerError, "out of memory"),
    ],
)
def test_refusals_and_nonsense(server: Server, answer: Answer, error: type[Exception], message: str) -> None:
    server.chats[:] = [answer]
    with pytest.raises(error, match=message):
        ask(server.model())
    assert len(server.asked) == 1


def test_a_server_that_hangs_up_midway_is_not_asked_again(server: Server) -> None:
    def drop(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b'data: {"choices": [{"delta": {"content": "Ann"}}]}\n\n')

    server.chats[:] = [drop]
    stream = server.model().stream(ASKED, Sampling())
    assert next(stream).text == "Ann"
    with pytest.raises(ServerError, match="hung up") as raised:
        next(stream)
    assert raised.value.retryable
    assert len(server.asked) == 1


@pytest.mark.parametrize("beat", [b"", b": alive\n"])
def test_a_silent_server(server: Server, beat: bytes) -> None:
    over = threading.Event()

    def wait(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not over.wait(0.02):
            if beat:
                handler.wfile.write(beat)

    server.chats[:] = [wait]
    try:
        with pytest.raises(ServerError, match=r"said nothing for 0\.3 seconds"):
            ask(server.model(seconds=0.3))
    finally:
        over.set()


@pytest.mark.parametrize("drip", [b"", b": alive\n", b'data: {"choices": [{"delta": {"content": "A"}}]}\n\n'])
def test_an_answer_that_takes_too_long(server: Server, drip: bytes) -> None:
    over = threading.Event()

    def slow(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b'data: {"choices": [{"delta": {"content": "Ann"}}]}\n\n')
        while not over.wait(0.02):
            handler.wfile.write(drip)

    server.chats[:] = [slow]
    try:
        with pytest.raises(ServerError, match="complete in time") as raised:
            ask(server.model(seconds=60), timeout_s=1.0)
    finally:
        over.set()
    assert raised.value.retryable
    assert len(server.asked) == 1


def test_an_answer_that_never_begins(server: Server) -> None:
    over = threading.Event()
    server.chats[:] = [lambda _: over.wait(20) and None]
    try:
        with pytest.raises(ServerError, match="complete in time"):
            ask(server.model(seconds=60), timeout_s=0.3)
    finally:
        over.set()


def test_an_answer_in_time(server: Server) -> None:
    assert said(ask(server.model(), timeout_s=30)) == "Ann signs."


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    model = open_openai(LLMSettings(url=f"http://127.0.0.1:{port}/v1", model="m"), retries=Retries(2, 0.01))
    with pytest.raises(ServerError, match="can't reach the server") as raised:
        list(model.stream(ASKED, Sampling()))
    assert raised.value.retryable


def test_closing_hangs_up(server: Server) -> None:
    hung_up = threading.Event()

    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b'data: {"choices": [{"delta": {"content": "a"}}]}\n\n')
        except OSError:
            hung_up.set()

    server.chats[:] = [endless]
    with closing(server.model().stream(ASKED, Sampling())) as stream:  # type: ignore[type-var]
        assert next(stream).text == "a"
    assert hung_up.wait(5)


def test_a_prompt_that_would_be_cut_is_refused(server: Server) -> None:
    long = (Message("user", "word " * 4000),)
    with pytest.raises(ContextOverflow, match="n_ctx"):
        list(server.model().stream(long, Sampling()))
    assert not server.asked
    assert said(list(server.model(n_ctx=8000).stream(long, Sampling()))) == "Ann signs."


def test_contexts_as_the_servers_tell_them(server: Server) -> None:
    assert server.model().context_tokens == 4096
    server.lists("vllm", max_model_len=1234)
    assert server.model().context_tokens == 1234
    assert server.model(n_ctx=99).context_tokens == 99
    server.lists("llamacpp")
    server.answer("/props", {"default_generation_settings": {"n_ctx": 2345}})
    assert server.model().context_tokens == 2345
    server.lists("library")
    server.answer("/api/ps", {"models": [{"name": "small", "context_length": 3456}]})
    assert server.model().context_tokens == 3456
    server.lists("organization_owner")
    server.answer("/api/v0/models", {"data": [{"id": "small", "loaded_context_length": 4567}]})
    assert server.model().context_tokens == 4567


def test_prompts_are_counted_by_the_servers_tokenizer(server: Server) -> None:
    estimate = server.model().count_prompt(ASKED)
    assert estimate == -(-len("Who signs?") // 3) + 16
    server.lists("vllm")
    server.answer("/tokenize", {"count": 17, "tokens": []})
    assert server.model().count_prompt(ASKED) == 17
    server.lists("llamacpp")
    assert server.model().count_prompt(ASKED) == estimate  # an old one, without /apply-template
    server.answer("/apply-template", {"prompt": "<|user|>Who signs?"})
    server.answer("/tokenize", {"tokens": [1, 2, 3]})
    assert server.model().count_prompt(ASKED) == 3


def sent(server: Server, kind: Any, text: str) -> dict[str, Any]:
    constraint: Any = type("Held", (), {"form": Form(kind, text)})()
    list(server.model().stream(ASKED, Sampling(top_k=3), constraint))
    return server.asked[-1]


def test_forms_in_each_servers_words(server: Server) -> None:
    text = json.dumps(SCHEMA)
    strict = {"type": "json_schema", "json_schema": {"name": "value", "schema": SCHEMA, "strict": True}}
    for owner in ("someone", "library", "organization_owner", "vllm", "llamacpp"):
        server.lists(owner)
        assert sent(server, "json", text)["response_format"] == strict
    server.lists("me")
    assert sent(server, "json", text)["response_format"] == {"type": "json_object", "schema": SCHEMA}
    server.lists("vllm")
    assert sent(server, "regex", "[ab]+")["structured_outputs"] == {"regex": "[ab]+"}
    server.answer("/version", {"version": "0.10.2"})
    assert sent(server, "grammar", 'start: "a"')["guided_grammar"] == 'start: "a"'
    server.lists("llamacpp")
    assert sent(server, "regex", r"a/\/b")["grammar"] == "%llguidance {}\n" + r"start: /a\/\/b/"
    server.lists("library")
    with pytest.raises(SchemaError, match="regular expressions"):
        sent(server, "regex", "a")


def test_sampling_beyond_the_protocol_goes_to_those_who_know_it(server: Server) -> None:
    plain = sent(server, "json", "{}")
    assert not {"top_k", "min_p", "repeat_penalty"} & set(plain)
    server.lists("vllm")
    assert sent(server, "json", "{}")["repetition_penalty"] == 1.1
    server.lists("llamacpp")
    assert (sent(server, "json", "{}")["repeat_penalty"], server.asked[-1]["top_k"]) == (1.1, 3)


def test_all_that_llama_server_knows_of_sampling(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    server.lists("llamacpp")
    wanted = {"typical_p": 0.9, "frequency_penalty": 0.5, "repeat_last_n": 9}
    ask(server.model(), dry=Dry(0.7, last_n=99), mirostat=Mirostat(1, 3.0), **wanted)
    body = server.asked[-1]
    assert wanted.items() <= body.items()
    assert [body[f"dry_{part}"] for part in ("multiplier", "base", "allowed_length")] == [0.7, 1.75, 2]
    assert (body["dry_penalty_last_n"], body["dry_sequence_breakers"]) == (99, ["\n", ":", '"', "*"])
    assert [body[name] for name in ("mirostat", "mirostat_tau", "mirostat_eta")] == [1, 3.0, 0.1]
    server.lists("me")
    ask(server.model(), mirostat=Mirostat())
    assert server.asked[-1]["mirostat_mode"] == 2
    assert not caplog.records


def test_what_a_server_cannot_sample_by_is_told_once(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    model = server.model()
    ask(model, presence_penalty=0.5)
    ask(model, repeat_penalty=1.0)
    assert server.asked[0]["presence_penalty"] == 0.5
    assert not caplog.records
    for _ in range(2):
        ask(model, top_k=4, dry=Dry(), repeat_penalty=1.3)
    (warning,) = caplog.messages
    assert warning == f"the server at {server.site.url}/v1 can't sample by top_k, repeat_penalty, dry"
    assert "top_k" not in server.asked[-1]


def test_values_are_checked_and_asked_for_again(server: Server) -> None:
    server.chats[:] = [events("Sure: {}"), events('{"n": "x"}'), events('{"n": ', "7}")]
    made = generate(server.model(), "How many?", SCHEMA)
    assert (made.value, made.attempts) == ({"n": 7}, 3)
    assert server.asked[1]["seed"] != server.asked[0]["seed"]
    server.chats[:] = [events('{"n": ', finish="length")]
    with pytest.raises(MalformedOutput, match="allow more tokens"):
        generate(server.model(), "How many?", SCHEMA)


def test_a_form_that_the_server_refuses(server: Server) -> None:
    server.chats[:] = [refuse(400, "unsupported keyword")]
    with pytest.raises(SchemaError, match="unsupported keyword"):
        generate(server.model(), "How many?", SCHEMA)


@pytest.mark.slow
def test_a_real_server(llama_url: str) -> None:
    model = open_openai(LLMSettings(url=llama_url))
    deltas = ask(model, max_tokens=8)
    assert said(deltas)
    assert deltas[-1].finish_reason in ("stop", "length")
    assert model.count_prompt(ASKED) > model.count_prompt((Message("user", "Who?"),))
    made = generate(model, "Yes or no?", {"enum": ["yes", "no"]}, sampling=Sampling(max_tokens=8))
    assert made.value in ("yes", "no")
    with closing(model.stream(ASKED, Sampling(max_tokens=None))) as stream:  # type: ignore[type-var]
        next(stream)
    assert said(ask(model, max_tokens=4))
    with socket.create_server(("127.0.0.1", 0)) as free:
        gone = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    several = open_openai(LLMSettings(url=(gone, llama_url)))
    assert [said(ask(several, max_tokens=4)) for _ in range(2)] == [said(ask(model, max_tokens=4))] * 2
    long = (Message("user", "word " * 600),)
    with pytest.raises(ContextOverflow):
        list(open_openai(LLMSettings(url=llama_url, n_ctx=512)).stream(long, Sampling(max_tokens=4)))
