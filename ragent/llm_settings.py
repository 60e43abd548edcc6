"""The settings of the language model: a section of `ragent.config`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from ragent.types import Dry, Mirostat, Sampling


class LLMSettings(BaseModel):
    """`[llm]`: the language model that writes answers."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    model: str = Field("smollm2-135m", description="a name (ragent models list) or the path of a GGUF file")
    url: str | tuple[str, ...] = Field(
        "", description="an OpenAI-compatible server, http://127.0.0.1:8080/v1 say, or a list; empty: none"
    )
    seconds: float = Field(120.0, gt=0, description="how long a server may be silent")
    attempts: int = Field(4, ge=1, description="how often a request is tried; each server once at least")
    breaker_failures: int = Field(
        5, ge=1, description="after so many failures in a row, a server is left alone"
    )
    breaker_seconds: float = Field(10.0, gt=0, description="for so long; then one request tries it again")
    n_ctx: int = Field(0, ge=0, description="context size in tokens; 0: the model's own")
    n_gpu_layers: int = Field(0, ge=-1, description="layers to put on a GPU; -1: all (needs a GPU build)")
    threads: int = Field(0, ge=0, description="0: every core this process may use")
    parallel: int = Field(4, ge=1, le=64, description="answers written at once; further ones wait")
    cache_mb: int = Field(256, ge=0, description="memory, besides the context's, that keeps what was read")
    weights: Literal["auto", "file", "q8_0", "f16", "bf16"] = Field(
        "auto", description="the form to run it in; auto: the file's own, or q8_0 where that is much faster"
    )
    kv_type: Literal["f16", "q8_0", "q4_0"] = Field("f16", description="q8_0: half the memory a token")
    flash_attention: Literal["auto", "on", "off"] = Field(
        "auto", description="off is slower on most machines"
    )
    n_batch: int = Field(512, ge=64, description="the most tokens of prompts that are read in one step")
    exact: bool = Field(
        True,
        description="the same answer whatever was read before; false: long prompts are read up to 1.7 times"
        " as fast, but near ties may fall out otherwise",
    )
    mmap: bool = Field(True, description="map the model file instead of reading it into memory")
    mlock: bool = Field(False, description="keep the model in memory, never swapped out")
    rope_scaling: Literal["", "none", "linear", "yarn"] = Field("", description='"": the model\'s own')
    rope_freq_base: float = Field(0.0, ge=0, description="0: the model's own")
    rope_freq_scale: float = Field(0.0, ge=0, description="0: the model's own; 0.5 doubles the context")
    yarn_ext_factor: float = Field(-1.0, ge=-1, description="extrapolation, 0 to 1; -1: the model's own")
    yarn_attn_factor: float = Field(
        -1.0, ge=-1, description="scale of attention where ext_factor is 0; -1: own"
    )
    yarn_beta_fast: float = Field(-1.0, ge=-1, description="turns from which none is stretched; -1: its own")
    yarn_beta_slow: float = Field(-1.0, ge=-1, description="turns below which all is; -1: the model's own")
    yarn_orig_ctx: int = Field(0, ge=0, description="the context it was trained with; 0: the model's own")
    loras: dict[str, FiniteFloat] = Field(
        {}, description='LoRA adapters: {"tone.gguf" = 0.8}; several add up'
    )
    control_vectors: dict[str, FiniteFloat] = Field(
        {}, description='by file, with their strengths: {"calm.gguf" = 1.5} (ragent models steer)'
    )
    control_first_layer: int = Field(1, ge=1, description="the first layer that control vectors work on")
    control_last_layer: int = Field(0, ge=0, description="the last one; 0: the model's last")
    disk_cache_mb: int = Field(512, ge=0, description="of HOME/cache, for what was read before a restart")
    speculate: Literal["auto", "on", "off"] = Field(
        "auto", description="guess what an answer quotes, and check it at once; auto: where that is faster"
    )
    draft_tokens: int = Field(32, ge=1, le=63, description="the most tokens of a guess")
    draft_model: str = Field("", description="a smaller model of the same family that guesses, too")
    stitch: bool = Field(
        False, description="read a passage once for all prompts: quicker, but answers may get worse"
    )
    max_tokens: int = Field(256, ge=1, description="the longest answer, in tokens")
    temperature: float = Field(0.0, ge=0, description="0: always the likeliest token")
    top_k: int = Field(0, ge=0, description="only so many of the likeliest tokens; 0: any number")
    top_p: float = Field(
        1.0, gt=0, le=1, description="only the likeliest that have this probability together"
    )
    min_p: float = Field(0.0, ge=0, le=1, description="only those with this share of the likeliest one's")
    typical_p: float = Field(1.0, gt=0, le=1, description="only the least odd, of this probability together")
    repeat_penalty: float = Field(1.1, gt=0, description="above 1 keeps small models from looping")
    repeat_last_n: int = Field(
        64, ge=-1, description="tokens that penalties look back on; -1: all the answer"
    )
    frequency_penalty: float = Field(0.0, description="for each time that a token came; 0: none")
    presence_penalty: float = Field(0.0, description="for a token that came at all; 0: none")
    dry_multiplier: float = Field(
        0.0, ge=0, description="penalty for repeated sequences (DRY); 0: none, try 0.8"
    )
    dry_base: float = Field(1.75, ge=1, description="how fast it grows with the sequence")
    dry_allowed_length: int = Field(2, ge=0, description="shorter repetitions are free")
    dry_last_n: int = Field(
        4096, ge=1, le=1_000_000, description="tokens of the answer that it looks back on"
    )
    dry_breakers: tuple[str, ...] = Field(Dry().breakers, description="no repetition reaches over these")
    mirostat: Literal[0, 1, 2] = Field(0, description="hold the surprise at mirostat_tau, by version 1 or 2")
    mirostat_tau: float = Field(5.0, gt=0, description="bits a token; less is more predictable")
    mirostat_eta: float = Field(0.1, gt=0, description="how fast it learns")
    seed: int = Field(0, ge=0, description="same seed, same answer")
    timeout_s: float = Field(0.0, ge=0, description="an answer that takes longer is an error; 0: any time")

    @property
    def urls(self) -> tuple[str, ...]:
        """The servers; none where the model runs here."""
        return ((self.url,) if self.url else ()) if isinstance(self.url, str) else self.url

    @property
    def opened(self) -> LLMSettings:
        """What a model is opened with: the same, but for what each answer is sampled with."""
        return self.model_copy(update={name: type(self).model_fields[name].default for name in _SAMPLING})

    @property
    def sampling(self) -> Sampling:
        """How answers are sampled."""
        dry = Dry(
            self.dry_multiplier, self.dry_base, self.dry_allowed_length, self.dry_last_n, self.dry_breakers
        )
        return Sampling(
            max_tokens=self.max_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
            top_k=self.top_k,
            min_p=self.min_p,
            typical_p=self.typical_p,
            repeat_penalty=self.repeat_penalty,
            repeat_last_n=self.repeat_last_n,
            frequency_penalty=self.frequency_penalty,
            presence_penalty=self.presence_penalty,
            dry=dry if self.dry_multiplier else None,
            mirostat=Mirostat(self.mirostat, self.mirostat_tau, self.mirostat_eta) if self.mirostat else None,
            seed=self.seed,
            timeout_s=self.timeout_s or None,
        )


_SAMPLING = (
    *("max_tokens", "temperature", "top_k", "top_p", "min_p", "typical_p", "repeat_penalty"),
    *("repeat_last_n", "frequency_penalty", "presence_penalty", "mirostat", "mirostat_tau", "mirostat_eta"),
    *("dry_multiplier", "dry_base", "dry_allowed_length", "dry_last_n", "dry_breakers", "seed", "timeout_s"),
)
