from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest

from ragent.agent import ToolContext, open_tools
from ragent.agent.tools import jail
from ragent.config import ToolSettings
from ragent.errors import ToolError

pytestmark = pytest.mark.skipif(jail.why_not() != "", reason=f"no sandbox on this machine: {jail.why_not()}")


def run(code: str, scratch: Path | None = None, **settings: float) -> str:
    context = ToolContext(settings=ToolSettings.model_validate(settings), scratch=scratch)
    return open_tools(["python"], context)[0].run({"code": code}).text


def test_output_and_the_value_of_the_last_line_are_shown() -> None:
    assert run("import statistics\nprint('mean')\nstatistics.mean([1, 2, 6])") == "mean\n3"


def test_a_program_without_output_says_so() -> None:
    assert run("x = 1") == "(it printed nothing)"


def test_an_exception_is_shown_with_its_line() -> None:
    told = run("def half(x):\n    return x / 0\n\nhalf(3)")
    assert "line 2, in half" in told
    assert "ZeroDivisionError" in told
    assert "[exit status 1]" in told
    assert "jail" not in told


def test_a_syntax_error_is_shown() -> None:
    assert "SyntaxError" in run("def :")


@pytest.mark.parametrize("code", ["\0", "\ud800", "'\ud800'", "(" * 10_000, "x = 'é\U0001f600'; x"])
def test_odd_programs_end_quietly(code: str) -> None:
    assert isinstance(run(code), str)


def test_packages_that_are_installed_can_be_used() -> None:
    assert run("import numpy as np\nint(np.arange(5).sum())") == "10"


@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.socket()",
        "import socket; socket.socketpair()",
        "import socket; socket.create_connection(('127.0.0.1', 80), 2)",
        "import socket; socket.getaddrinfo('example.com', 80)",
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1/')",
    ],
)
def test_there_is_no_network(code: str) -> None:
    told = run(f"try:\n    {code}\nexcept OSError as error:\n    print('none', type(error).__name__)")
    assert told.startswith("none")


def test_raw_system_calls_make_no_socket_either() -> None:
    code = """
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        for family in (1, 2, 10, 16, 17, 40):
            print(libc.syscall(41, family, 1, 0), ctypes.get_errno())
        print(libc.syscall(425, 8, ctypes.create_string_buffer(256)), ctypes.get_errno())
        print(libc.syscall(0x40000000 + 41, 2, 1, 0), ctypes.get_errno())
        print(libc.syscall(452, -100, b"/tmp", 0o777, 0), ctypes.get_errno())
    """
    lines = run("if True:" + code).split("\n")
    assert lines == ["-1 1"] * 7 + ["-1 38"] * 2


def test_shared_memory_and_queues_of_others_are_out_of_reach() -> None:
    code = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for number in (29, 30, 31, 65, 66, 69, 70, 71, 241, 254, 319, 250):
    print(libc.syscall(number, 0, 0, 0, 0, 0), ctypes.get_errno())
"""
    assert set(run(code).split("\n")) == {"-1 1"}


def test_system_calls_of_32_bits_end_the_program() -> None:
    code = """
import ctypes, mmap
page = mmap.mmap(-1, 4096, prot=7)
page.write(bytes.fromhex("b814000000cd80c3"))  # mov eax, 20; int 0x80; ret
ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
print("went through")
"""
    assert "SIGSYS" in run(code)


def test_files_elsewhere_cannot_be_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("hush")
    places = [
        str(secret),
        "/etc/passwd",
        "/etc/hostname",
        "/proc/self/environ",
        "/proc/1/environ",
        "/dev/mem",
    ]
    code = f"""
for path in {places!r}:
    try:
        open(path).read()
    except OSError:
        print("closed")
import os
for path in ("/", {str(Path.home())!r}, {str(tmp_path)!r}, "/proc", "/tmp"):
    try:
        os.listdir(path)
    except OSError:
        print("closed")
"""
    assert run(code).split("\n") == ["closed"] * 11


def test_nothing_can_be_written_changed_or_linked_elsewhere(tmp_path: Path) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_text("as it was")
    kept.chmod(0o640)
    before = kept.stat()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    code = f"""
import os, ctypes
kept, new = {str(kept)!r}, {str(tmp_path / "new")!r}
for attempt in (
    lambda: open(kept, "a"), lambda: open(new, "w"), lambda: os.remove(kept), lambda: os.mkdir(new),
    lambda: os.chmod(kept, 0o777), lambda: os.chown(kept, 1, 1), lambda: os.utime(kept, (0, 0)),
    lambda: os.truncate(kept, 0), lambda: os.rename(kept, "mine"), lambda: os.link(kept, "mine"),
    lambda: os.symlink(kept, "mine"), lambda: os.setxattr(kept, "user.a", b"1"), lambda: os.mkfifo(new),
    lambda: open("../new", "w"), lambda: os.rmdir(os.getcwd()),
):
    try:
        attempt()
        print("done")
    except OSError:
        pass
"""
    assert run(code, scratch) == "(it printed nothing)"
    after = kept.stat()
    assert (kept.read_text(), after.st_mode, after.st_mtime_ns) == (
        "as it was",
        before.st_mode,
        before.st_mtime_ns,
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept.txt", "scratch"]


def test_a_link_that_leads_out_of_the_folder_is_of_no_use(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("hush")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    (scratch / "link").symlink_to(tmp_path / "secret.txt")
    assert "PermissionError" in run("open('link').read()", scratch)


def test_files_in_the_folder_can_be_read_and_written(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("abc")
    code = (
        "import os\ntext = open('in.txt').read()\nopen('out.txt', 'w').write(text.upper())\nos.mkdir('sub')"
    )
    run(code, tmp_path)
    assert (tmp_path / "out.txt").read_text() == "ABC"
    assert (tmp_path / "sub").is_dir()


def test_a_kept_folder_taints_and_a_new_one_does_not(tmp_path: Path) -> None:
    (fresh,) = open_tools(["python"], ToolContext())
    (kept,) = open_tools(["python"], ToolContext(scratch=tmp_path))
    assert not fresh.run({"code": "1"}).tainted
    assert kept.run({"code": "1"}).tainted
    assert (fresh.pure, kept.pure) == (True, False)


def test_the_environment_holds_nothing_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGENT_SECRET_EXAMPLE", "hush")
    told = run("import os\nprint(sorted(os.environ))")
    assert "SECRET" not in told
    assert "PATH" not in told


@pytest.mark.parametrize(
    "code",
    [
        "import os; os.fork()",
        "import subprocess; subprocess.run(['/bin/true'])",
        "import os; os.execv('/bin/sh', ['sh'])",
        "import os; os.posix_spawn('/bin/true', ['true'], {})",
        "import multiprocessing; multiprocessing.Process(target=print).start()",
    ],
)
def test_no_further_process_can_be_made(code: str) -> None:
    assert "PermissionError" in run(code)


def test_a_fork_bomb_is_harmless() -> None:
    code = """
import os
made = 0
for _ in range(1000):
    try:
        os.fork()
        made += 1
    except OSError:
        pass
made
"""
    assert run(code) == "0"


def test_no_thread_can_be_made() -> None:
    assert "can't start new thread" in run("import threading\nthreading.Thread(target=print).start()")


def test_other_processes_are_out_of_reach() -> None:
    code = f"""
import os, signal, resource, fcntl, ctypes
parent = {os.getpid()}
for attempt in (
    lambda: os.kill(parent, 0), lambda: os.kill(-1, 0), lambda: os.kill(0, 9), lambda: os.pidfd_open(parent),
    lambda: resource.prlimit(parent, resource.RLIMIT_CPU, (1, 1)), lambda: os.sched_setaffinity(parent, [0]),
    lambda: os.setpriority(os.PRIO_PROCESS, parent, 19),
    lambda: fcntl.fcntl(0, fcntl.F_SETOWN, parent),
):
    try:
        attempt()
        print("done")
    except OSError:
        pass
libc = ctypes.CDLL(None)
print(libc.ptrace(16, parent, 0, 0), libc.unshare(0x10000000), libc.prctl(1, 0, 0, 0, 0))
"""
    assert run(code) == "-1 -1 -1"


def test_limits_cannot_be_raised_again() -> None:
    told = run("import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))")
    assert "ValueError" in told or "PermissionError" in told


def test_memory_is_limited() -> None:
    assert "MemoryError" in run("x = bytearray(400_000_000)", python_memory_mb=200)


def test_an_endless_loop_is_stopped() -> None:
    with pytest.raises(ToolError, match=r"over 0\.5 seconds"):
        run("while True: pass", python_seconds=0.5)


def test_an_endless_sleep_is_stopped() -> None:
    with pytest.raises(ToolError, match=r"over 0\.5 seconds"):
        run(
            "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(60)",
            python_seconds=0.5,
        )


def test_a_long_output_is_cut_and_says_so() -> None:
    told = run("print('a' * 3_000_000)", result_chars=500)
    assert len(told) < 700
    assert "left out" in told


def test_an_endless_output_ends() -> None:
    told = run("while True: print('a' * 100_000)", python_disk_mb=2, result_chars=500)
    assert len(told) < 700


def test_many_files_are_stopped() -> None:
    code = "import time\nfor n in range(40):\n    open(str(n), 'wb').write(b'a' * 900_000)\ntime.sleep(9)"
    with pytest.raises(ToolError, match="over 2 MB"):
        run(code, python_disk_mb=2)


def test_many_empty_files_are_stopped_too() -> None:
    code = "import time\nfor n in range(2000):\n    open(str(n), 'w').close()\ntime.sleep(9)"
    with pytest.raises(ToolError, match="over 2 MB"):
        run(code, python_disk_mb=2)


def test_deeply_nested_folders_are_stopped_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    code = "import os, time\nfor n in range(6000):\n    os.mkdir('d'); os.chdir('d')\ntime.sleep(9)"
    with pytest.raises(ToolError, match="of files"):
        run(code)
    assert (
        run("import os\nos.makedirs('a/b/c')\nopen('a/b/c/d', 'w').close()\nos.mkdir('a/e', 0)")
        == "(it printed nothing)"
    )
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_running(tmp_path: Path) -> None:
    code = "import os, time\nopen('pid', 'w').write(str(os.getpid()))\ntime.sleep(60)"
    with pytest.raises(ToolError):
        run(code, tmp_path, python_seconds=1)
    pid = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_machine_without_the_locks_runs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(ToolError, match="Linux"):
        open_tools(["python"], ToolContext())


def test_a_program_that_is_too_long_is_refused() -> None:
    with pytest.raises(ToolError, match="longer than"):
        run("#" * 200_000)


def test_a_crash_of_the_interpreter_is_told() -> None:
    assert "SIGSEGV" in run("import ctypes\nctypes.string_at(0)")
