"""Model files that are damaged or hostile, made from the bundled one."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import pytest

from ragent.config import LLMSettings
from ragent.errors import LLMError
from ragent.llm.gguf import read_header
from ragent.llm.llamacpp import open_llamacpp
from ragent.llm.models import DEFAULT_MODEL, resolve_model
from ragent.types import Message, Sampling

TEMPLATE = "tokenizer.chat_template"
HOSTILE = (
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "{{ 'x' * 99999999999 }}",
    "{% macro more() %}{{ more() }}{% endmacro %}{{ more() }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{% if %}",
    "{{ raise_exception('no') }}",
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copy(resolve_model(DEFAULT_MODEL), tmp_path_factory.mktemp("models") / "made.gguf"))


def overwrite(path: Path, old: bytes, new: bytes) -> None:
    with path.open("r+b") as file:
        at = file.read(8_000_000).index(old)
        file.seek(at)
        file.write(new.ljust(len(old)))


def open_model(path: Path) -> None:
    engine = open_llamacpp(LLMSettings(model=str(path), n_ctx=256, threads=1))
    list(engine.stream([Message("user", "Hi")], Sampling(max_tokens=1)))


@pytest.mark.parametrize("template", HOSTILE)
def test_a_hostile_chat_template_is_an_error(model: Path, template: str) -> None:
    before = read_header(model).text(TEMPLATE)
    overwrite(model, before.encode(), template.encode())
    assert read_header(model).text(TEMPLATE).rstrip() == template
    try:
        with pytest.raises(LLMError, match="chat template"):
            open_model(model)
    finally:
        overwrite(model, read_header(model).text(TEMPLATE).encode(), before.encode())


def test_a_model_without_layers_never_reaches_llama_cpp(model: Path) -> None:
    key = b"llama.block_count" + struct.pack("<I", 4)
    overwrite(model, key + struct.pack("<I", 30), key + struct.pack("<I", 0))
    try:
        with pytest.raises(LLMError, match="layers"):
            open_model(model)
    finally:
        overwrite(model, key + struct.pack("<I", 0), key + struct.pack("<I", 30))


def test_a_file_that_is_cut_short_anywhere_is_refused(model: Path) -> None:
    short = model.with_name("short.gguf")
    shutil.copy(model, short)
    size = short.stat().st_size
    header = 2_000_000
    lengths = [size - 1, size - 1000, size // 2, header, *range(header, 0, -99_991), 100, 24, 5, 3]
    with short.open("r+b") as file:
        for length in lengths:
            file.truncate(length)
            with pytest.raises(LLMError):
                open_model(short)
