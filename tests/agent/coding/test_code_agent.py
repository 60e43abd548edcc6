from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ragent.agent import Call, Limits
from ragent.agent.coding import CodeAgent, CodeResult, CopyLimits, apply
from ragent.agent.tools import jail
from ragent.config import LLMSettings, ToolSettings
from ragent.errors import ConfigError
from tests.agent.scripted import Said, Scripted, answer, call

pytestmark = pytest.mark.skipif(jail.why_not() != "", reason=f"no sandbox on this machine: {jail.why_not()}")

DEMO = Path(__file__).parents[3] / "evals" / "sets" / "code-demo"
BUG = "            merged[-1] = (merged[-1][0], last)\n"
FIX = "            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))\n"
MEND = call("edit_file", path="bookings/stays.py", old=BUG, new=FIX)
URL = os.environ.get("RAGENT_LLM__URL", "")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEMO / "repository", tmp_path / "repository"))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def do(repository: Path, *script: Said, tests: str = "pytest -q", seconds: float = 30.0) -> CodeResult:
    settings = ToolSettings(python_seconds=seconds)
    model = Scripted(script)
    result = CodeAgent(model, repository, tests=(tests,), settings=settings).run("Mend it.")
    assert all(model.allowed)
    return result


def seen(result: CodeResult, at: int = 0) -> str:
    return result.run.steps[at].observations[0].text


def test_a_scripted_model_solves_the_demo(repository: Path) -> None:
    before = contents(repository)
    result = do(
        repository,
        call("run_tests", command="pytest -q"),
        call("list_files"),
        call("search_code", pattern="def merge("),
        call("read_file", path="bookings/stays.py", start=6, end=12),
        MEND,
        call("run_tests"),
        call("show_diff"),
        answer("A short stay within a long one cut the long one off."),
    )
    assert result.run.stop_reason == "answer"
    failing, listed, found, read, edited, passing, shown, *_ = (seen(result, at) for at in range(7))
    assert failing.startswith("FAILED: pytest -q")
    assert "1 failed, 3 passed" in failing
    assert "bookings/stays.py" in listed
    assert found == "bookings/stays.py:6: def merge(stays: list[Stay]) -> list[Stay]:"
    assert read.startswith("bookings/stays.py, lines 6 to 12 of 19:\ndef merge")
    assert f"+{FIX}" in edited
    assert passing.startswith("PASSED")
    assert shown == result.diff
    assert result.passed
    assert "4 passed" in result.tests[0].output
    assert [change.path for change in result.changes] == ["bookings/stays.py"]
    assert contents(repository) == before

    asked: list[tuple[Call, str]] = []
    assert not apply(repository, result.changes, lambda *why: bool(asked.append(why)))
    assert contents(repository) == before
    assert asked[0][0].arguments["files"] == ["bookings/stays.py"]
    assert apply(repository, result.changes, lambda *_: True)
    assert FIX in (repository / "bookings/stays.py").read_text()
    assert sorted(contents(repository)) == sorted(before)


@pytest.mark.slow
@pytest.mark.skipif(not URL, reason="RAGENT_LLM__URL names no model's server")
def test_a_real_model_tries_the_demo(repository: Path) -> None:
    from ragent.config import load_settings
    from ragent.llm.openai import open_openai

    before = contents(repository)
    settings: LLMSettings = load_settings().llm
    agent = CodeAgent(open_openai(settings), repository, limits=Limits(steps=20, seconds=600))
    result = agent.run((DEMO / "task.txt").read_text())
    assert result.passed, f"{result.run.stop_reason}\n{result.diff}\n{result.tests[0].output}"
    assert contents(repository) == before


def test_the_tests_are_run_whatever_the_model_says_of_them(repository: Path) -> None:
    result = do(repository, answer("All tests pass."))
    assert not result.passed
    assert (result.changes, result.diff) == ((), "")


def test_the_diff_is_one_that_git_applies(repository: Path) -> None:
    (repository / "odd.txt").write_bytes(b"one\x0ctwo\r\nthree\r\nfour")
    (repository / "same.txt").write_text("x\n" * 50)
    result = do(
        repository,
        MEND,
        call("edit_file", path="odd.txt", old="two\nthree\nfour", new="2\n3"),
        call("create_file", path="new/file.txt", text="a\nb"),
        call("create_file", path="bare.txt", text=""),
        answer("done"),
    )
    patch = repository.parent / "it.patch"
    patch.write_bytes(result.diff.encode())
    other = shutil.copytree(repository, repository.parent / "other")
    environment = {"PATH": os.environ["PATH"], "GIT_CEILING_DIRECTORIES": str(repository.parent)}
    subprocess.run(["git", "apply", str(patch)], cwd=other, check=True, env=environment)
    apply(repository, result.changes, lambda *_: True)
    assert (repository / "odd.txt").read_bytes() == b"one\x0c2\r\n3"
    assert list(contents(other).values()) == list(contents(repository).values())


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (call("read_file", path="../secret.txt"), "leads out of the repository"),
        (call("read_file", path="bookings/../../secret.txt"), "leads out of the repository"),
        (call("read_file", path="/etc/passwd"), "leads out of the repository"),
        (call("read_file", path="out/secret.txt"), "no file"),
        (call("read_file", path="secret.link"), "no file"),
        (call("read_file", path="a\0b"), "no file"),
        (call("read_file", path=".git/config"), "no file"),
        (call("read_file", path="binary.dat"), "no UTF-8 text file"),
        (call("read_file", path="huge.txt"), "too large"),
        (call("read_file", path="README.md", start=99), "has lines 1 to 3"),
        (call("list_files", folder=".."), "leads out of the repository"),
        (call("list_files", folder="nowhere"), "no folder"),
        (call("edit_file", path="../secret.txt", old="s", new="x"), "leads out of the repository"),
        (call("edit_file", path="README.md", old="sold", new="free"), "not in README.md"),
        (call("edit_file", path="README.md", old="night", new="day"), "more than once"),
        (call("edit_file", path="README.md", old="", new="x"), "must not be empty"),
        (call("create_file", path="README.md", text=""), "there already"),
        (call("create_file", path="out/new.txt", text="x"), "can't be made"),
        (call("create_file", path="secret.link", text="x"), "can't be made"),
        (call("create_file", path=".git/hooks/pre-commit", text="x"), "can't be made"),
        (call("create_file", path="lib/.GIT/config", text="x"), "can't be made"),
        (call("create_file", path="README.md/x", text="x"), "can't write"),
        (call("create_file", path="n" * 301, text="x"), "no path"),
        (call("create_file", path="big.txt", text="x" * 1_000_001), "characters"),
        (call("search_code", pattern="(a+)+$", regex=True), "stopped"),
        (call("search_code", pattern="(((a{999}){999}){999}){999}b", regex=True), "nothing found"),
        (call("search_code", pattern="(", regex=True), "can't be used"),
        (call("search_code", pattern="hidden"), "nothing found"),
    ],
)
def test_hostile_calls_are_observations(repository: Path, asked: str, told: str) -> None:
    secret = repository.parent / "secret.txt"
    secret.write_text("hidden")
    (repository / "out").symlink_to(repository.parent)
    (repository / "secret.link").symlink_to(secret)
    (repository / ".git").mkdir()
    (repository / ".git" / "config").write_text("hidden")
    (repository / "binary.dat").write_bytes(b"\x7fELF\0\xff")
    (repository / "huge.txt").write_text("x" * 4_000_001)
    (repository / "slow.txt").write_text("a" * 60 + "b")
    os.mkfifo(repository / "pipe")
    before = contents(repository)
    result = do(repository, asked, answer("so be it"), tests="python -m compileall -h", seconds=5)
    assert told in seen(result)
    assert "hidden" not in seen(result).replace("'hidden'", "")
    assert result.run.stop_reason == "answer"
    assert (result.diff, contents(repository)) == ("", before)
    assert secret.read_text() == "hidden"


@pytest.mark.parametrize(
    ("test", "told"),
    [
        ("while True: pass", "stopped"),
        ("import time; time.sleep(99)", "stopped"),
        ("import socket; socket.create_connection(('127.0.0.1', 80), 1)", "Operation not permitted"),
        ("open(OUTSIDE, 'w').write('x')", "Permission denied"),
        ("import os; os.fork()", "Operation not permitted"),
        ("import subprocess; subprocess.run(['true'])", "Operation not permitted"),
        ("open('x', 'w').write('x' * (80 << 20))", "File too large"),
        ("x = 'x' * (2 << 30)", "MemoryError"),
        ("import os; os.kill(os.getppid(), 9)", "Operation not permitted"),
    ],
)
def test_hostile_tests_are_observations(repository: Path, test: str, told: str) -> None:
    outside = repository.parent / "outside"
    (repository / "check.py").write_text(test.replace("OUTSIDE", repr(str(outside))))
    before = contents(repository)
    result = do(repository, call("run_tests"), answer("so be it"), tests="python check.py", seconds=1.5)
    assert seen(result).startswith("FAILED")
    assert told in seen(result)
    assert not result.passed
    assert not outside.exists()
    assert contents(repository) == before


def test_what_tests_write_is_no_change(repository: Path) -> None:
    (repository / "check.py").write_text("open('bookings/stays.py', 'w').write('gone')\nopen('new', 'w')\n")
    result = do(repository, call("run_tests"), call("show_diff"), answer("ok"), tests="python check.py")
    assert seen(result).startswith("PASSED")
    assert seen(result, 1) == "nothing was changed"
    assert result.passed


def test_nothing_is_written_where_a_file_changed_meanwhile(repository: Path) -> None:
    result = do(repository, MEND, call("create_file", path="new.txt", text="x"), answer("done"))
    (repository / "bookings" / "stays.py").write_text("mine")
    with pytest.raises(ConfigError, match="changed since it was copied"):
        apply(repository, result.changes, lambda *_: True)
    assert (repository / "bookings" / "stays.py").read_text() == "mine"
    assert not (repository / "new.txt").exists()


def test_nothing_is_written_through_a_link(repository: Path, tmp_path: Path) -> None:
    result = do(repository, call("create_file", path="deep/new.txt", text="x"), answer("done"))
    (tmp_path / "elsewhere").mkdir()
    (repository / "deep").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="a link leads"):
        apply(repository, result.changes, lambda *_: True)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_ignored_files_are_neither_copied_nor_made(repository: Path) -> None:
    (repository / ".gitignore").write_text("*.log\n/out/\n")
    (repository / "bookings" / ".gitignore").write_text("local.py\n")
    (repository / "a.log").write_text("x")
    (repository / "out").mkdir()
    (repository / "bookings" / "local.py").write_text("x")
    result = do(
        repository,
        call("list_files"),
        call("create_file", path="bookings/local.py", text="y"),
        answer("ok"),
        tests="python -m compileall -h",
    )
    assert "local.py" not in seen(result)
    assert "a.log" not in seen(result)
    assert "can't be made" in seen(result, 1)


@pytest.mark.parametrize("limits", [CopyLimits(megabytes=0.001), CopyLimits(files=3)])
def test_a_repository_that_is_too_large_is_refused(repository: Path, limits: CopyLimits) -> None:
    with pytest.raises(ConfigError, match="holds more than"):
        CodeAgent(Scripted([answer("x")]), repository, copy=limits).run("x")


@pytest.mark.parametrize(
    "command", ["make test", "pytest -q; rm -rf /", "bash -c pytest", "python -c 1", "'", ""]
)
def test_only_python_can_be_the_test_command(repository: Path, command: str) -> None:
    model = Scripted([answer("x")])
    if command.startswith("pytest"):  # there is no shell: the rest are arguments, and harmless
        assert not CodeAgent(model, repository, tests=(command,)).run("x").passed
        return
    with pytest.raises(ConfigError, match="test command"):
        CodeAgent(model, repository, tests=(command,)).run("x")


def test_a_command_that_was_not_allowed_is_outside_the_grammar(repository: Path) -> None:
    model = Scripted([call("run_tests", command="python evil.py"), answer("ok")])
    CodeAgent(model, repository, tests=("python -m compileall -h",)).run("x")
    assert model.allowed[0] is False


def test_no_programs_are_run_where_the_kernel_cannot_lock_them_in(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jail, "why_not", lambda: "it needs Landlock")
    with pytest.raises(Exception, match="it needs Landlock"):
        CodeAgent(Scripted([answer("x")]), repository).run("x")
