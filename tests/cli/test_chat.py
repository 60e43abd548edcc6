from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from ragent import Rag
from ragent.cli.app import app
from ragent.cli.face import Face
from ragent.cli.prompt import Prompt
from ragent.cli.talk import Talk
from ragent.errors import LLMError, StoreError
from ragent.service.access import ANYBODY
from ragent.service.conversations import Conversations
from ragent.types import Answer, Message
from tests.commands import environment

TEXT = """# Harbour

The pilot boat listens on channel 14. The crane listens on channel 8.

Recordings of the cameras are kept for 30 days, those of the radio for 90 days.
"""
PILOT = "Which channel does the pilot boat listen on?"
CAMERAS = "How long are recordings of the cameras kept?"
NOTHING = "Which enzyme unwinds DNA during replication in bacteria?"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chat")
    (folder / "harbour.md").write_text(TEXT)
    with Rag.open(folder / "home") as rag:
        assert rag.ingest(folder / "harbour.md").added == 1
    return folder / "home"


@pytest.fixture
def rag(home: Path) -> Iterator[Rag]:
    """Whose conversations are gone, answering without a model."""
    with Rag.open(home, ask={"style": "extract"}) as opened:
        kept = conversations(opened)
        for conversation in kept.all():
            kept.delete(conversation.id)
        yield opened


def conversations(rag: Rag) -> Conversations:
    return Conversations(rag.store, ANYBODY.name)


Type = Callable[..., int]


@pytest.fixture
def typed(rag: Rag, monkeypatch: pytest.MonkeyPatch) -> Type:
    """A person types these lines, or presses these keys; the exit code."""

    def run(*lines: str | type[BaseException], talk: Talk | None = None) -> int:
        coming = iter(lines)

        def type_in(prompt: str) -> str:
            line = next(coming, EOFError)
            if isinstance(line, str):
                return line
            raise line

        monkeypatch.setattr("builtins.input", type_in)
        return Prompt(Face(CONTEXT), talk or Talk(rag, None, {})).run()

    return run


class _Context:
    """Of a command without options."""

    obj = None

    def find_root(self) -> _Context:
        return self


CONTEXT: typer.Context = _Context()  # type: ignore[assignment]


def ask_lines(home: Path, lines: Sequence[str], options: Sequence[str] = ()) -> tuple[int, str]:
    arguments = ["--home", str(home), "chat", *options]
    ran = CliRunner().invoke(
        app, arguments, input="".join(f"{line}\n" for line in lines), env={"RAGENT_ASK__STYLE": "extract"}
    )
    assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
    return ran.exit_code, ran.stdout


def test_each_line_of_a_pipe_is_a_question(rag: Rag) -> None:
    code, out = ask_lines(rag.home, [PILOT, "", NOTHING])
    assert code == 0
    assert "The pilot boat listens on channel 14. [1]" in out
    assert "harbour.md, characters 11–48" in out
    assert "nothing about this" in out
    (conversation,) = conversations(rag).all()
    assert conversation.title == PILOT
    assert [turn.content for turn in conversations(rag).turns(conversation.id)][::2] == [PILOT, NOTHING]


def test_json_lines_have_the_form_of_ask_and_go_on_where_the_last_one_ended(rag: Rag) -> None:
    assert ask_lines(rag.home, [PILOT], ["--json"])[0] == 0
    code, out = ask_lines(rag.home, ["And the crane?"], ["--json", "--continue"])
    assert code == 0
    (answer,) = [json.loads(line) for line in out.splitlines()]
    assert answer.keys() >= {"answer", "abstained", "citations", "dropped", "usage", "timings"}
    assert answer["citations"][0].keys() >= {"marker", "uri", "page", "start", "end", "quote"}
    assert "pilot" in answer["understood"]
    (conversation,) = conversations(rag).all()
    assert len(conversations(rag).turns(conversation.id)) == 4


def test_a_question_that_fails_doesn_t_end_the_others(rag: Rag, monkeypatch: pytest.MonkeyPatch) -> None:
    answering = Rag.stream

    def fail_at_first(self: Rag, question: str, *rest: Any, **options: Any) -> Iterator[str | Answer]:
        if question == CAMERAS:
            raise LLMError("the model is ill", hint="see a doctor")
        return answering(self, question, *rest, **options)

    monkeypatch.setattr(Rag, "stream", fail_at_first)
    code, out = ask_lines(rag.home, [CAMERAS, PILOT], ["--json"])
    first, second = [json.loads(line) for line in out.splitlines()]
    assert first == {"error": {"type": "LLMError", "message": "the model is ill", "hint": "see a doctor"}}
    assert second["citations"]
    assert code == 3
    assert ask_lines(rag.home, [CAMERAS], ["--json"])[0] == 1


def test_bytes_that_are_no_text_are_asked_for_all_the_same(rag: Rag) -> None:
    arguments = ["--home", str(rag.home), "chat", "--json"]
    line = PILOT.encode() + b" \xff\n"
    ran = CliRunner().invoke(app, arguments, input=line, env={"RAGENT_ASK__STYLE": "extract"})
    assert ran.exit_code == 0
    assert json.loads(ran.stdout)["citations"]


def test_an_empty_collection_is_refused_at_once(rag: Rag) -> None:
    arguments = ["--home", str(rag.home), "chat", "--collection", "law"]
    assert isinstance(CliRunner().invoke(app, arguments, input=PILOT).exception, StoreError)


def test_a_person_asks_and_looks_into_the_sources(
    typed: Type, rag: Rag, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = tmp_path / "talk.md"
    assert typed("/sources", "/open 1", f"/save {saved}", PILOT, "/open 1", f"/save {saved}") == 0
    out, err = capsys.readouterr()
    assert "nothing was found yet" in err
    assert "nothing was said yet" in err
    assert "there is nothing to open yet" in err
    answer, opened = out.split("[1] ")[1:][:2], out.split("[1] ")[-1]
    assert "characters 11–48" in answer[0]
    assert "# Harbour\n\nThe pilot boat listens on channel 14. The crane listens" in opened
    assert saved.read_text().startswith(f"# {PILOT}\n\n## {PILOT}\n\nThe pilot boat listens")


def test_commands(typed: Type, rag: Rag, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    taken = tmp_path / "taken.md"
    taken.write_text("mine")
    lines = [
        PILOT,
        "/help",
        "/open 2",
        "/open",
        "/what",
        "/save",
        f"/save {taken}",
        "/save /no/such/folder/a.md",
    ]
    assert typed(*lines, "/new", CAMERAS, "/quit", "never asked") == 0
    out, err = capsys.readouterr()
    assert "/sources     where" in out
    assert err.count("/open N, with one of 1") == 2
    assert "/what is no command" in err
    assert "/save FILE, as in" in err
    assert "is there already" in err
    assert "can't write /no/such/folder/a.md" in err
    assert taken.read_text() == "mine"
    assert {conversation.title for conversation in conversations(rag).all()} == {PILOT, CAMERAS}


def test_where_there_is_no_answer_the_nearest_passages_can_be_opened(
    typed: Type, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed(NOTHING, "/sources", "/open 1") == 0
    out = capsys.readouterr().out
    assert "nothing about this" in out
    assert out.count("[1] ") == 2


def test_one_goes_on_with_the_last_conversation(
    typed: Type, rag: Rag, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not Talk(rag, None, {}).go_on()
    typed(PILOT)
    capsys.readouterr()
    talk = Talk(rag, None, {})
    assert talk.go_on()
    typed("/open 1", "And the crane?", talk=talk)
    out = capsys.readouterr().out
    assert out.startswith(f"> {PILOT}\nThe pilot boat listens on channel 14.")
    assert out.count("characters 11–48") >= 1
    (conversation,) = conversations(rag).all()
    assert len(conversations(rag).turns(conversation.id)) == 4


def test_a_forgotten_document_can_t_be_opened(
    typed: Type, rag: Rag, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = tmp_path / "secret.md"
    secret.write_text("The safe of the harbour master stands behind the barometer.")
    rag.ingest(secret)
    talk = Talk(rag, None, {})
    typed("Where does the safe of the harbour master stand?", talk=talk)
    assert "barometer" in capsys.readouterr().out
    rag.forget(str(secret))
    typed("/open 1", talk=talk)
    out, err = capsys.readouterr()
    assert "barometer" not in out
    assert "no longer there" in err


def test_ctrl_c_at_the_prompt_ends_it_the_second_time(
    typed: Type, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed(KeyboardInterrupt, PILOT, KeyboardInterrupt, KeyboardInterrupt, "never asked") == 130
    assert "channel 14" in capsys.readouterr().out


class Endless:
    """Stands in for a `Rag` whose model writes on and on; at its third word, somebody presses Ctrl-C."""

    def __init__(self, rag: Rag) -> None:
        self.settings, self.store = rag.settings, rag.store

    def stream(self, question: str, *_: object, **__: Sequence[Message]) -> Iterator[str | Answer]:
        if question == "fail":
            raise LLMError("the model is ill", hint="see a doctor")
        for number in range(1_000_000):
            if number == 3:
                os.kill(os.getpid(), signal.SIGINT)
            yield f"word {number} "


def test_ctrl_c_stops_the_answer_alone(typed: Type, rag: Rag, capsys: pytest.CaptureFixture[str]) -> None:
    talk = Talk(Endless(rag), None, {})  # type: ignore[arg-type]
    before = signal.getsignal(signal.SIGINT)
    assert typed("on and on", "fail", talk=talk) == 0
    assert typed("on and on", KeyboardInterrupt, talk=talk) == 130
    talk.close()
    assert signal.getsignal(signal.SIGINT) is before
    err = capsys.readouterr().err
    assert "stopped; Ctrl-C again ends" in err
    assert "the model is ill\n  see a doctor" in err
    (conversation,) = conversations(rag).all()
    states = [turn.state for turn in conversations(rag).turns(conversation.id)]
    assert states == ["done", "stopped", "done", "failed", "done", "stopped"]


@pytest.mark.slow
def test_in_a_terminal_with_a_model(rag: Rag) -> None:
    program, terminal = pty.openpty()
    command = [sys.executable, "-m", "ragent.cli", "--home", str(rag.home), "chat", "-k", "1"]
    own = {"RAGENT_ASK__STYLE": "draft", "RAGENT_LLM__MAX_TOKENS": "16", "TERM": "xterm", "COLUMNS": "200"}
    with subprocess.Popen(
        command, stdin=terminal, stdout=terminal, stderr=terminal, env=environment() | own
    ) as child:
        os.close(terminal)
        shown = read_until(program, "> ")
        os.write(program, f"{PILOT}\n".encode())
        shown += read_until(program, "\n> ")
        os.write(program, b"\x04")
        shown += read_until(program, "")
        assert child.wait(60) == 0
    os.close(program)
    assert "Ask the collection 'default'" in shown
    assert "channel 14" in shown
    assert conversations(rag).all()[0].title == PILOT


def read_until(descriptor: int, end: str) -> str:
    """What a program writes to its terminal, until it says so; until it ends, for ""."""
    said = b""
    with suppress(OSError):  # Linux says so of a terminal that nobody holds any more
        while not end or end.encode() not in said.replace(b"\r", b""):
            piece = os.read(descriptor, 4096)
            if not piece:
                break
            said += piece
    return said.decode()
