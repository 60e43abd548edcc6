"""Settings: `ragent.toml` < `RAGENT_*` environment < arguments. An unknown key is an error.

A key `x` of section `[y]` is `RAGENT_Y__X` in the environment and `y={"x": …}` as an argument.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from ragent.embedder_settings import EmbedderSettings as EmbedderSettings
from ragent.errors import ConfigError
from ragent.llm_settings import LLMSettings as LLMSettings
from ragent.mcp_settings import MCPSettings
from ragent.server_settings import ServerSettings
from ragent.types import QueryKind

CONFIG_NAME = "ragent.toml"
SECRET_PREFIX = "RAGENT_SECRET_"  # noqa: S105  (passwords and keys: see secret_variables)
_NOT_SETTINGS = {"RAGENT_HOME"}
_STRICT = ConfigDict(extra="forbid", frozen=True)


class StoreSettings(BaseModel):
    """`[store]`: where the truth is kept. Indexes, models and prompts stay in the home."""

    model_config = _STRICT
    url: str = Field(
        "",
        description="a PostgreSQL database with pgvector, as postgresql+psycopg://user@host/ragent; "
        "empty: SQLite, in the home. A password belongs into PGPASSWORD or ~/.pgpass",
    )


class ChunkingSettings(BaseModel):
    """`[chunking]`: how documents become passages. A change applies to what is ingested afterwards."""

    model_config = _STRICT
    method: Literal["structure", "recursive", "sentences", "fixed", "code", "semantic"] = Field(
        "structure", description="where passages are parted; semantic embeds each sentence for it"
    )
    target_tokens: int = Field(180, ge=8, description="length to aim at: short is precise, long complete")
    max_tokens: int = Field(
        0, ge=0, description="longest passage, context included; 0: all the embedder reads"
    )
    overlap: int = Field(0, ge=0, description="tokens a passage repeats of the one before it, at most")
    context: bool = Field(True, description="embed the title and heading path with each passage")
    file_path: bool = Field(False, description="embed the end of the file's path with each passage, too")


class IndexSettings(BaseModel):
    """`[index]`: what searches. A change of the dense index rebuilds it."""

    model_config = _STRICT
    engine: Literal["auto", "files", "database"] = Field(
        "auto",
        description="files: indexes in the home; database: PostgreSQL itself; auto: that, given [store] url",
    )
    kind: Literal["auto", "flat", "hnsw", "hnsw_sq", "lsh", "rabitq", "ivf"] = Field(
        "auto",
        description="auto: by the number of passages; flat is exact, hnsw fast, the others, of files, small",
    )
    hnsw_m: int = Field(16, ge=4, le=128, description="links a node")
    hnsw_ef_construction: int = Field(200, ge=8, description="width of the search that places a node")
    hnsw_ef_search: int = Field(128, ge=8, description="width of a query's search: higher finds more, slower")
    lsh_bits: int = Field(384, ge=8, le=8192, multiple_of=8, description="bits a vector")
    lsh_rotation: bool = Field(True, description="turn the vectors at random before taking their signs")
    lsh_candidates: int = Field(500, ge=10, description="how many of the nearest by bits are scored exactly")
    rabitq_candidates: int = Field(200, ge=10, description="the same for rabitq and ivf")
    ivf_probes: float = Field(0.08, gt=0, le=1, description="the share of the lists that a search looks into")


class RetrievalSettings(BaseModel):
    """`[retrieval]`: how the keyword and the dense side are fused."""

    model_config = _STRICT
    mode: Literal["hybrid", "dense", "keyword"] = "hybrid"
    fusion: Literal["convex", "rrf", "weighted_rrf"] = Field(
        "convex", description="convex: weighted sum of scores; rrf, weighted_rrf: of reciprocal ranks"
    )
    dense_weight: float = Field(0.4, ge=0, le=1, description="the dense side's share in a weighted fusion")
    dense_weights: dict[QueryKind, Annotated[float, Field(ge=0, le=1)]] = Field(
        {}, description="the same by kind of query, as {question = 0.5}; ragent eval tune fits them"
    )
    affinity: float = Field(
        0.25, ge=0, le=1, description="how much likeness to the best two counts in a convex fusion; 0: off"
    )
    rrf_k: int = Field(60, ge=1, description="the constant of reciprocal rank fusion")
    rerank: tuple[str, ...] = Field((), description="rerankers that the best hits go through, in turn")
    rerank_depth: int = Field(50, ge=1, description="how many hits they see, at least k")
    technique: tuple[str, ...] = Field((), description="query techniques, each searching with the next")
    paraphrases: int = Field(3, ge=1, le=10, description="how many questions multi-query and others make")
    half_life_days: float = Field(365.0, gt=0, description="time-decay: when a score is worth half")
    candidates: int = Field(100, ge=1, description="how many each side contributes to the fusion, at least k")
    expand_tokens: int = Field(
        0, ge=0, description="widen what was found by the sentences around it, up to so many tokens; 0: off"
    )
    expand_sentences: int = Field(0, ge=0, description="by so many on each side at most; 0: any number")


class RerankSettings(BaseModel):
    """`[rerank]`: how rerankers work. Which ones run, `[retrieval] rerank` says."""

    model_config = _STRICT
    seconds: float = Field(0.0, ge=0, description="time for all of them together; 0: as long as they take")
    narrowing: float = Field(0.5, gt=0, le=1, description="the share of the hits that the next one sees")
    on_error: Literal["raise", "skip"] = Field("raise", description="skip: go on without one that fails")
    maxsim_weight: float = Field(0.5, ge=0, description="its share beside the score before it, which has 1")
    maxsim_cache_mb: int = Field(256, ge=0, description="memory for token vectors of passages")
    cross_encoder: str = Field("", description="folder or name of a sentence-transformers cross-encoder")
    likelihood_weight: float = Field(0.3, ge=0, description="its share beside the score before it")
    llm_depth: int = Field(10, ge=1, description="how many of the best hits a language model reads")
    diversity: float = Field(0.3, ge=0, le=1, description="of mmr and dpp: 0 ranks by score alone")


class AskSettings(BaseModel):
    """`[ask]`: how an answer is made from what was found."""

    model_config = _STRICT
    k: int = Field(6, ge=1, description="passages put before the model")
    style: Literal["auto", "draft", "think", "quote", "extract"] = Field(
        "auto",
        description="quote: verbatim; draft: write, then check; think: reason first; extract: no model;"
        " auto: quote, but draft with a model served by URL, or with a prompt or examples of your own",
    )
    prompt: str = Field("answer", description="the prompt template of draft: a name, or answer@2")
    examples: int = Field(0, ge=0, description="shown, of HOME/prompts/NAME.examples.jsonl; 0: none")
    focus_tokens: int = Field(256, ge=0, description="shorten passages to what matters; 0: leave them whole")
    min_relevance: float = Field(0.1, ge=0, le=1, description="less likely relevant: ask abstains")
    abstain_below: float = Field(
        0.05, ge=0, le=1, description="less support than this: ask abstains; ragent eval calibrate sets it"
    )


class IngestSettings(BaseModel):
    """`[ingest]`: how folders are read."""

    model_config = _STRICT
    batch_chunks: int = Field(512, ge=1, description="passages embedded and committed together")
    engine: Literal["local", "ray"] = Field("local", description="ray: read and embed on a Ray cluster")
    ray_address: str = Field("", description="a running Ray cluster; empty: one on this machine for the run")
    readers: int = Field(0, ge=0, description="processes that read files, or Ray workers; 0: one a core")
    file_seconds: float = Field(30.0, gt=0, description="reading a file may not take longer")
    file_memory_mb: int = Field(1000, ge=200, description="nor a reader more memory than this")
    max_file_mb: float = Field(100.0, gt=0, description="a larger file is refused")
    lease_seconds: float = Field(
        60.0, gt=0, description="on PostgreSQL: after so long others take over what a dead process held"
    )
    duplicates: Literal["keep", "skip"] = Field(
        "keep", description="skip: leave out documents that repeat another, or nearly so"
    )


class ToolSettings(BaseModel):
    """`[tools]`: what the built-in tools of agents may reach. What isn't allowed here, no tool can do."""

    model_config = _STRICT
    enabled: tuple[str, ...] = Field(
        ("search", "open_document", "calculate", "dates", "convert_units"),
        description="tools an agent has when none are named; `ragent agent tools` lists them all",
    )
    roots: tuple[str, ...] = Field((), description="folders that read_file may read; none: it can't be used")
    max_file_mb: float = Field(5.0, gt=0, description="a larger file is refused by read_file")
    database: str = Field("", description="the SQLite file that sql reads, which it can't change")
    sql_rows: int = Field(50, ge=1, description="rows that sql shows at most")
    sql_seconds: float = Field(5.0, gt=0, description="a longer query is stopped")
    fetch_hosts: tuple[str, ...] = Field(
        (), description="the only hosts that fetch may ask; none: any public one, but a person must agree"
    )
    fetch_private: bool = Field(
        False, description="let fetch_hosts name hosts of this machine or network, too"
    )
    fetch_max_mb: float = Field(5.0, gt=0, description="a larger page is refused by fetch")
    fetch_seconds: float = Field(20.0, gt=0, description="how long one request of fetch may take")
    python_seconds: float = Field(10.0, gt=0, description="how long Python may run")
    python_memory_mb: int = Field(512, ge=64, description="memory that Python may use")
    python_disk_mb: int = Field(64, ge=1, description="what Python may write, all files together")
    memory: str = Field("memory", description="the collection in which remember keeps facts")
    result_chars: int = Field(4000, ge=200, description="the longest text a tool shows the model; it says so")


class TraceSettings(BaseModel):
    """`[trace]`: what was done when, and how long it took, for `ragent logs`."""

    model_config = _STRICT
    enabled: bool = Field(True, description="keep a trace of each question, search, run and ingestion")
    content: bool = Field(
        False,
        description="keep texts of questions, prompts and answers, too, not only their sizes and hashes",
    )
    keep_days: float = Field(30.0, ge=0, description="older traces are removed; 0: none ever")
    otlp_endpoint: str = Field(
        "", description="also send traces to this collector, http://127.0.0.1:4318 say (extra otel)"
    )


class AgentSettings(BaseModel):
    """`[agent]`: how `ragent agent run` does tasks."""

    model_config = _STRICT
    max_steps: int = Field(10, ge=1, description="steps at most, the answer included")
    likest_first: bool = Field(
        False,
        description="tell the model of the tools in the order of how many words they share with the task; "
        "small models tend to take the first",
    )


class Settings(BaseSettings):
    """Everything that can be set. Immutable; made by `load_settings`."""

    model_config = SettingsConfigDict(
        env_prefix="RAGENT_", env_nested_delimiter="__", extra="forbid", frozen=True
    )
    collection: str = Field("default", min_length=1, description="the collection used when none is named")
    store: StoreSettings = StoreSettings()
    embedder: EmbedderSettings = EmbedderSettings()
    llm: LLMSettings = LLMSettings()
    chunking: ChunkingSettings = ChunkingSettings()
    index: IndexSettings = IndexSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    rerank: RerankSettings = RerankSettings()
    ask: AskSettings = AskSettings()
    ingest: IngestSettings = IngestSettings()
    trace: TraceSettings = TraceSettings()
    tools: ToolSettings = ToolSettings()
    agent: AgentSettings = AgentSettings()
    mcp: MCPSettings = MCPSettings()
    server: ServerSettings = ServerSettings()


def load_settings(path: Path | None = None, **arguments: Any) -> Settings:
    """Read settings from a file (if given), the environment and arguments, later ones winning.

    Raises:
        ConfigError: the file isn't there or isn't TOML, a key is unknown, a value is impossible.
    """
    values = _read_toml(path) if path else {}
    _refuse_unknown_environment()

    class _Layered(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, InitSettingsSource(settings_cls, init_kwargs=values)

    try:
        layered = _Layered(**arguments)
    except ValidationError as error:
        raise ConfigError(_first_problem(error), hint="`ragent init` writes every setting") from None
    return Settings.model_construct(**{name: getattr(layered, name) for name in Settings.model_fields})


def secret_variables(host: str, name: str) -> list[str]:
    """The environment variables that may hold a secret of a host, the most particular first.

    Args:
        host: a name or address; "" is this machine.
        name: the user, parameter or key that it belongs to, or "".
    """
    words = [re.sub(r"[^A-Z0-9]+", "_", word.upper()).strip("_") for word in (host or "localhost", name)]
    names = [f"{words[0]}_{words[1]}", words[0]] if words[1] else [words[0]]
    return [SECRET_PREFIX + name for name in names]


def find_config(home: Path) -> Path | None:
    """`./ragent.toml`, else `HOME/ragent.toml`, else None."""
    return next((p for p in (Path(CONFIG_NAME), home / CONFIG_NAME) if p.is_file()), None)


def find_home(given: str | Path | None = None) -> Path:
    """The folder that holds all state: `given`, else RAGENT_HOME, else `./.ragent` where it is, else the
    platform's data folder. Nothing is created.

    Raises:
        ConfigError: it is a URL.
    """
    if named := str(given or os.environ.get("RAGENT_HOME") or ""):
        # A path drops one of a URL's slashes.
        if url := re.match(r"[a-z][a-z+]+:/", named):
            raise ConfigError(
                f"a home is a folder, not {url[0]}/…",
                hint="a database is named by [store] url in ragent.toml, or RAGENT_STORE__URL",
            )
        return Path(named).expanduser().resolve()
    local = Path(".ragent")
    if local.is_dir():
        return local.resolve()
    return Path(platformdirs.user_data_dir("ragent"))


def render_toml() -> str:
    """A `ragent.toml` with every setting, its default and its meaning, all commented out."""
    lines = ["# ragent settings. Take away the # before a line to change it.", ""]
    sections = []
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, BaseModel):
            sections.append((name, field.default))
        else:
            lines += [f"# {field.description}", f"# {name} = {_toml_value(field.default)}"]
    for name, section in sections:
        lines += ["", f"[{name}]"]
        for key, field in type(section).model_fields.items():
            note = f"  # {field.description}" if field.description else ""
            lines.append(f"# {key} = {_toml_value(getattr(section, key))}{note}")
    return "\n".join(lines) + "\n"


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"can't read {path}: {error.strerror}", hint="`ragent init` writes one") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error


def _refuse_unknown_environment() -> None:
    for name in os.environ:
        if not name.startswith("RAGENT_") or name in _NOT_SETTINGS or name.startswith(SECRET_PREFIX):
            continue
        section, _, key = name.removeprefix("RAGENT_").lower().partition("__")
        field = Settings.model_fields.get(section)
        known = field is not None and (
            key in type(field.default).model_fields if isinstance(field.default, BaseModel) else not key
        )
        if not known:
            raise ConfigError(f"unknown setting {name} in the environment", hint="form: RAGENT_SECTION__KEY")


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"unknown setting {where}"
    return f"setting {where}: {problem['msg']}"


def _toml_value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml_value(part)}" for key, part in value.items()) + "}"
    if isinstance(value, tuple):
        return f"[{', '.join(_toml_value(part) for part in value)}]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)
