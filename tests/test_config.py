from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from ragent.config import Settings, find_home, load_settings, render_toml
from ragent.errors import ConfigError


def test_file_then_environment_then_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ragent.toml"
    path.write_text("[llm]\nn_ctx = 1\nseed = 1\nthreads = 1\n")
    monkeypatch.setenv("RAGENT_LLM__SEED", "2")
    monkeypatch.setenv("RAGENT_LLM__THREADS", "2")
    llm = load_settings(path, llm={"threads": 3}).llm
    assert (llm.n_ctx, llm.seed, llm.threads) == (1, 2, 3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("nonsense = 1", "unknown setting nonsense"),
        ("[llm]\ncolour = 1", "unknown setting llm.colour"),
        ("[index]\nkind = 'magic'", "setting index.kind"),
        ("[ask]\nk = 0", "setting ask.k"),
        ("= =", "not valid TOML"),
    ],
)
def test_bad_settings_are_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "ragent.toml"
    path.write_text(content)
    with pytest.raises(ConfigError, match=message):
        load_settings(path)


@pytest.mark.parametrize("name", ["RAGENT_LLM__COLOUR", "RAGENT_NONSENSE", "RAGENT_COLLECTION__X"])
def test_an_unknown_variable_is_an_error(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(ConfigError, match=name):
        load_settings()


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_settings(tmp_path / "none.toml")


def test_the_rendered_file_states_every_default(tmp_path: Path) -> None:
    path = tmp_path / "ragent.toml"
    path.write_text(
        "\n".join(line.removeprefix("# ") if " = " in line else line for line in render_toml().splitlines())
    )
    assert load_settings(path) == Settings()
    assert set(tomllib.loads(path.read_text())) == set(Settings.model_fields)


def test_where_the_home_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAGENT_HOME", raising=False)
    assert find_home().name == "ragent"
    (tmp_path / ".ragent").mkdir()
    assert find_home() == tmp_path / ".ragent"
    monkeypatch.setenv("RAGENT_HOME", str(tmp_path / "named"))
    assert find_home() == tmp_path / "named"
    assert find_home(tmp_path / "given") == tmp_path / "given"


@pytest.mark.parametrize("kind", [str, Path])
def test_a_url_is_no_home(kind: type[str | Path]) -> None:
    with pytest.raises(ConfigError, match="a home is a folder, not postgresql") as refused:
        find_home(kind("postgresql://me:secret@host/ragent"))
    assert "secret" not in str(refused.value)
