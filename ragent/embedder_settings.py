"""The settings of the embedder: a section of `ragent.config`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class EmbedderSettings(BaseModel):
    """`[embedder]`: what turns text into vectors."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    model: str = Field(
        "minilm",
        description="minilm (bundled), or a sentence-transformers folder or name; with url: its name there",
    )
    device: str = Field("cpu", description="cpu, or cuda / mps for a sentence-transformers model")
    precision: Literal["auto", "bf16", "fp32"] = Field("auto", description="auto: bf16 where the CPU has it")
    threads: int = Field(0, ge=0, description="0: every core this process may use")
    query_prefix: str = Field("", description="put before queries (E5 and BGE models want one)")
    document_prefix: str = Field("", description="put before documents")
    url: str | tuple[str, ...] = Field(
        "", description="a server that embeds, http://127.0.0.1:8080/v1 say, or a list; empty: none"
    )
    api: Literal["auto", "openai", "tei"] = Field(
        "auto", description="what it speaks; auto: it is asked, and OpenAI's protocol is for the rest"
    )
    tokenizer: str = Field(
        "", description="the model's tokenizer.json, or a folder with it; empty: the server counts tokens"
    )
    max_tokens: int = Field(
        0, ge=0, description="tokens of a text that the served model reads; 0: what the server says"
    )
    batch: int = Field(32, ge=1, description="texts in one request to a server, at most")
    parallel: int = Field(4, ge=1, le=64, description="requests to each server at once")
    seconds: float = Field(60.0, gt=0, description="how long a server may be silent")
    timeout_s: float = Field(300.0, gt=0, description="a request may not take longer, all tries together")
    attempts: int = Field(4, ge=1, description="how often a request is tried; each server once at least")
    breaker_failures: int = Field(
        5, ge=1, description="after so many failures in a row, a server is left alone"
    )
    breaker_seconds: float = Field(10.0, gt=0, description="for so long; then one request tries it again")

    @property
    def urls(self) -> tuple[str, ...]:
        """The servers; none where the model runs here."""
        return ((self.url,) if self.url else ()) if isinstance(self.url, str) else self.url
