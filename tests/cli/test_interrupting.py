from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is another thing there")


@pytest.mark.parametrize(
    "moment",
    [
        "typer",
        "ragent.cli.app",
        "ragent.rag",
        "llama_cpp",
        "ragent.llm.llamacpp",
        "llguidance",
    ],
)
def test_ctrl_c_ends_a_command_in_one_line_whenever_it_comes(tmp_path: Path, moment: str) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps({"type": "array", "items": {"type": "string"}, "minItems": 40}))
    # -v tells of every import when it is done.
    command = [sys.executable, "-v", "-m", "ragent.cli", "--home", str(tmp_path / "home"), "generate"]
    command += ["Name forty ships.", "--schema", str(schema), "--max-tokens", "2000"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    ) as child:
        assert child.stderr
        assert any(line.startswith(f"import '{moment}'") for line in child.stderr)
        child.send_signal(signal.SIGINT)
        out, rest = child.communicate(timeout=60)
    said = [line for line in rest.splitlines() if not line.startswith(("#", "import "))]
    assert child.returncode == 130
    assert said == ["interrupted"]
    assert not out


def test_a_command_that_was_told_to_ignore_ctrl_c_does_so() -> None:
    program = (
        "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN);"
        "import sys; sys.argv = ['ragent', '--version'];"
        "from ragent.cli.entry import main; signal.raise_signal(signal.SIGINT); main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
