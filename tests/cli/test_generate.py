from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Ragent
from tests.commands import environment

SCHEMA = {
    "type": "object",
    "properties": {
        "colour": {"enum": ["red", "green"]},
        "parts": {"type": "array", "items": {"enum": ["hull", "mast"]}, "uniqueItems": True, "maxItems": 2},
    },
    "required": ["colour"],
}


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    return written(tmp_path, SCHEMA)


def written(folder: Path, schema: Any) -> Path:
    path = folder / "schema.json"
    path.write_text(json.dumps(schema), "utf-8")
    return path


def test_the_value_alone_is_on_stdout(ragent: Ragent, schema: Path) -> None:
    ran = ragent("generate", "A green boat", "--schema", schema, "--json")
    assert ran.code == 0, ran.err
    assert ran.json["colour"] in ("red", "green")
    assert "uniqueItems" in ran.err
    assert json.loads(ragent("generate", "A green boat", "--schema", schema).out) == ran.json


def test_the_best_of_several(ragent: Ragent, tmp_path: Path) -> None:
    schema = written(tmp_path, {"type": "string", "maxLength": 12})
    ran = ragent("generate", "Name a colour.", "--schema", schema, "--best-of", "3", "--json")
    assert ran.code == 0, ran.err
    assert isinstance(ran.json, str)
    limited = ragent("generate", "x", "--schema", schema, "--best-of", "2", "--max-tokens", "1", "--json")
    assert limited.json["error"]["type"] == "MalformedOutput"


def test_the_prompt_can_come_from_stdin(tmp_path: Path, schema: Path) -> None:
    command = [sys.executable, "-m", "ragent.cli", "generate", "-", "--schema", str(schema)]
    done = subprocess.run(
        command,
        input="A red boat",
        capture_output=True,
        text=True,
        env=environment(),
        cwd=tmp_path,
        check=True,
    )
    assert json.loads(done.stdout)["colour"] in ("red", "green")


def test_an_impossible_schema(ragent: Ragent, tmp_path: Path) -> None:
    ran = ragent("generate", "x", "--schema", written(tmp_path, {"$ref": "#"}), "--json")
    assert ran.code == 1
    assert ran.json["error"]["type"] == "SchemaError"
    path = tmp_path / "none.json"
    path.write_text("{", "utf-8")
    assert "not a JSON Schema" in ragent("generate", "x", "--schema", path).err


def test_a_limit_that_is_too_small_gives_what_there_is(ragent: Ragent, schema: Path) -> None:
    ran = ragent("generate", "x", "--schema", schema, "--max-tokens", "3", "--json")
    assert ran.code == 1
    assert ran.json["error"]["type"] == "MalformedOutput"
    assert ran.json["error"]["partial"].startswith("{")


def test_no_such_file(ragent: Ragent) -> None:
    assert ragent("generate", "x", "--schema", "absent.json").code == 2
