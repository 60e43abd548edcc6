from __future__ import annotations

import signal
import sys

import pytest

from ragent.llm.build import explain_death, mend_command, portable_flags, safe_flags
from ragent.llm.doctor import Check, default_checks, diagnose


def child(code: str, name: str = "engine") -> Check:
    command = (sys.executable, "-c", code)
    return Check(name, command, "some-package", lambda number: explain_death(number, "1.2.3"))


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGILL, signal.SIGABRT])
def test_a_crash_is_a_finding_with_a_remedy(number: signal.Signals) -> None:
    crash = child(f"import os; os.kill(os.getpid(), {int(number)})")
    broken, fine = diagnose([crash, child("print('all well')", "other")])
    assert (broken.name, broken.ok) == ("engine", False)
    assert number.name in broken.detail
    assert "pip install --no-cache-dir --force-reinstall" in broken.fix
    assert "llama-cpp-python==1.2.3" in broken.fix
    assert (fine.ok, fine.detail, fine.fix) == (True, "all well", "")


def test_a_hang_ends() -> None:
    (probe,) = diagnose([child("import time; time.sleep(600)")], timeout=0.5)
    assert not probe.ok
    assert "hangs" in probe.detail


def test_a_missing_package_is_named_with_the_command() -> None:
    (probe,) = diagnose([child("import no_such_engine")])
    assert (probe.ok, probe.detail) == (False, "No module named 'no_such_engine'")
    assert probe.fix == f"{sys.executable} -m pip install some-package"


def test_an_error_keeps_its_message_and_hint() -> None:
    code = "from ragent.errors import ModelNotFound; raise ModelNotFound('no model', hint='get one')"
    (probe,) = diagnose([child(code)])
    assert (probe.ok, probe.detail, probe.fix) == (False, "no model get one", "")


def test_the_real_engines_but_the_slowest_run_here() -> None:
    checks = [check for check in default_checks() if check.name != "sentence-transformers"]
    assert {probe.name: probe.detail for probe in diagnose(checks) if not probe.ok} == {}


@pytest.mark.slow
def test_sentence_transformers_runs_here() -> None:
    (probe,) = diagnose([check for check in default_checks() if check.name == "sentence-transformers"])
    assert probe.ok, probe.detail


def test_build_flags() -> None:
    assert safe_flags("no-such-compiler") == ""
    assert "GGML_NATIVE=OFF" in portable_flags()
    assert mend_command("-DX=1", "9").startswith('CMAKE_ARGS="-DX=1" ')
    assert "CMAKE_ARGS" not in mend_command("", "9")


def test_flags_follow_the_compilers_own_header(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("compilers")
    headers = {
        "old-gcc": '__asm__ volatile ("ldtilecfg\\t%X0" :: "m" (*((const void **)__config)));',
        "new-gcc": "__builtin_ia32_ldtilecfg (__config);",
    }
    for name, header in headers.items():
        compiler = folder / name
        compiler.write_text(f"#!/bin/sh\ncat <<'END'\n{header}\nEND\n")
        compiler.chmod(0o755)
    assert "-mno-amx-tile" in safe_flags(str(folder / "old-gcc"))
    assert safe_flags(str(folder / "new-gcc")) == ""
