"""How llama.cpp is compiled so that it runs on this processor. Standard library only: set-up uses it too.

Older gccs (12 and some 13) tell their optimiser that loading an AMX tile configuration reads 8 bytes of its
64, so the stores that fill the rest are dropped, and a llama.cpp built by them dies with SIGSEGV at
`ldtilecfg` on processors that have AMX. Without AMX code it runs, and uses the rest of the chip.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

_NO_AMX = "-mno-amx-tile -mno-amx-int8 -mno-amx-bf16"
_AMX_FREE = f"-DCMAKE_C_FLAGS='{_NO_AMX}' -DCMAKE_CXX_FLAGS='{_NO_AMX}'"
# How the unsound compilers' own header writes it: an operand the size of one pointer.
_UNSOUND = re.compile(r'"ldtilecfg[^;]*const void \*\*')


def cpu_flags() -> frozenset[str]:
    """What the processor says it can do, in Linux's names; empty where the system doesn't tell."""
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:
        return frozenset()
    found = re.search(r"^(?:flags|Features)\s*:(.*)$", text, re.MULTILINE)
    return frozenset(found[1].split()) if found else frozenset()


def safe_flags(compiler: str = "") -> str:
    """CMAKE_ARGS for this machine: all that the processor has, save AMX where the compiler gets it wrong.

    Args:
        compiler: the C compiler that will be used; by default that of the environment (`CC`), else `cc`.
    """
    return _AMX_FREE if _amx_is_unsound(compiler or os.environ.get("CC", "cc")) else ""


def portable_flags() -> str:
    """CMAKE_ARGS for a build that uses nothing beyond AVX2, nor what of it the processor lacks."""
    has = cpu_flags()
    wanted = {"AVX": "avx", "AVX2": "avx2", "FMA": "fma", "F16C": "f16c", "BMI2": "bmi2"}
    switches = [f"-DGGML_{name}={'ON' if flag in has else 'OFF'}" for name, flag in wanted.items()]
    return " ".join(["-DGGML_NATIVE=OFF", *switches])


def mend_command(cmake_args: str, version: str) -> str:
    """The command that builds llama-cpp-python anew, past pip's cache, which doesn't know about flags."""
    pip = (
        f"{sys.executable} -m pip install --no-cache-dir --force-reinstall --no-deps"
        f" --no-binary llama-cpp-python llama-cpp-python=={version}"
    )
    return f'CMAKE_ARGS="{cmake_args}" {pip}' if cmake_args else pip


def explain_death(number: int, version: str) -> tuple[str, str]:
    """What a llama.cpp killed by that signal most likely died of, and the command that mends it."""
    name = signal.Signals(number).name
    if name == "SIGILL":
        why = "it was built for another processor: it used an instruction that this one doesn't have"
        return f"crashed ({name}): {why}", mend_command(portable_flags(), version)
    if name == "SIGSEGV" and any(flag.startswith("amx") for flag in cpu_flags()):
        why = "this processor has AMX, for which older gccs (12, some 13) produce broken code"
        return f"crashed ({name}): {why}", mend_command(_AMX_FREE, version)
    return f"crashed ({name}) in native code", mend_command(safe_flags() or portable_flags(), version)


def _amx_is_unsound(compiler: str) -> bool:
    """Whether the compiler knows AMX (only x86 compilers of the last years do) and gets it wrong."""
    command = [*shlex.split(compiler), "-E", "-mamx-tile", "-x", "c", "-"]
    try:
        done = subprocess.run(  # noqa: S603  the user's own compiler
            command, input="#include <immintrin.h>\n", capture_output=True, text=True, check=False
        )
    except OSError:
        return False
    return done.returncode == 0 and bool(_UNSOUND.search(done.stdout))
