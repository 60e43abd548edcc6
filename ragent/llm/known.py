"""Known models: small instruct models that answer without thinking aloud first, and where they are.

Names, sizes, checksums, licences and contexts are those of the repositories, at a fixed revision where one is
given. Only the publishers' own conversions, or where there are none those of a well-known converter.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from ragent.errors import ModelNotFound

LISTED_CONTEXT = 8192
"""What a model takes in memory is told for this many tokens, or its own context if that is less."""

_HUB = "https://huggingface.co"
_MEMORY_SHARE = 0.7


@dataclass(frozen=True, slots=True)
class Build:
    """One quantisation of a model. `sha256` is "" where only the server knows it."""

    quantization: str
    place: str
    size_bytes: int
    sha256: str = ""

    @property
    def url(self) -> str:
        """Where the file is: on the Hugging Face hub, or on its mirror `HF_ENDPOINT`."""
        return f"{hub()}/{self.place}"


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model; `builds` from small to large. `cache_bytes` is what a token takes in a 16-bit cache."""

    name: str
    licence: str
    parameters: int
    context_tokens: int
    cache_bytes: int
    builds: tuple[Build, ...]

    def memory_bytes(self, build: Build) -> int:
        """An estimate of what it takes: weights, and the cache of `LISTED_CONTEXT`."""
        return build.size_bytes + self.cache_bytes * min(self.context_tokens, LISTED_CONTEXT)

    def recommended(self, machine_bytes: int) -> Build:
        """The largest build that fits into a machine's memory, else the smallest."""
        fitting = [build for build in self.builds if fits(self.memory_bytes(build), machine_bytes)]
        return (fitting or self.builds[:1])[-1]


def hub() -> str:
    """The Hugging Face hub, or the mirror that HF_ENDPOINT names."""
    return (os.environ.get("HF_ENDPOINT") or _HUB).rstrip("/")


def fits(memory_bytes: int, machine_bytes: int) -> bool:
    """Whether there is room for it beside the system and other programs."""
    return memory_bytes <= _MEMORY_SHARE * machine_bytes


def find_known(name: str, machine_bytes: int) -> tuple[KnownModel, Build]:
    """A known model and one of its builds: `qwen3-4b:Q8_0`, or without the colon the recommended one.

    Raises:
        ModelNotFound: no such model or build; the hint lists those there are.
    """
    wanted, _, quantization = name.partition(":")
    model = next((model for model in KNOWN if model.name == wanted.lower()), None)
    if model is None:
        raise ModelNotFound(
            f"no known model is called {wanted!r}",
            hint=f"known: {', '.join(model.name for model in KNOWN)}; or give the URL of a .gguf file",
        )
    if not quantization:
        return model, model.recommended(machine_bytes)
    for build in model.builds:
        if build.quantization == quantization.upper():
            return model, build
    raise ModelNotFound(
        f"{model.name} isn't known as {quantization}",
        hint=f"known: {', '.join(build.quantization for build in model.builds)}; or give the URL of a file",
    )


_QWEN_SMALL = "Qwen/Qwen2.5-0.5B-Instruct-GGUF/resolve/9217f5db79a29953eb74d5343926648285ec7e67"
_QWEN_MIDDLE = "Qwen/Qwen2.5-1.5B-Instruct-GGUF/resolve/91cad51170dc346986eccefdc2dd33a9da36ead9"
_SMOLLM = "HuggingFaceTB/SmolLM2-1.7B-Instruct-GGUF/resolve/main"
_GRANITE = "ibm-granite/granite-3.3-2b-instruct-GGUF/resolve/7cdf86ccd1f1bb3491c9b7017b033f2e51367397"
_QWEN_LARGE = "unsloth/Qwen3-4B-Instruct-2507-GGUF/resolve/a06e946bb6b655725eafa393f4a9745d460374c9"

KNOWN = (
    KnownModel(
        "qwen2.5-0.5b",
        "Apache-2.0",
        parameters=494_000_000,
        context_tokens=32_768,
        cache_bytes=12_288,
        builds=(
            Build(
                "Q4_K_M",
                f"{_QWEN_SMALL}/qwen2.5-0.5b-instruct-q4_k_m.gguf",
                491_400_032,
                "74a4da8c9fdbcd15bd1f6d01d621410d31c6fc00986f5eb687824e7b93d7a9db",
            ),
        ),
    ),
    KnownModel(
        "qwen2.5-1.5b",
        "Apache-2.0",
        parameters=1_540_000_000,
        context_tokens=32_768,
        cache_bytes=28_672,
        builds=(
            Build(
                "Q4_K_M",
                f"{_QWEN_MIDDLE}/qwen2.5-1.5b-instruct-q4_k_m.gguf",
                1_117_320_736,
                "6a1a2eb6d15622bf3c96857206351ba97e1af16c30d7a74ee38970e434e9407e",
            ),
            Build("Q8_0", f"{_QWEN_MIDDLE}/qwen2.5-1.5b-instruct-q8_0.gguf", 1_894_532_128),
        ),
    ),
    KnownModel(
        "smollm2-1.7b",
        "Apache-2.0",
        parameters=1_710_000_000,
        context_tokens=8192,
        cache_bytes=196_608,
        builds=(
            Build(
                "Q4_K_M",
                f"{_SMOLLM}/smollm2-1.7b-instruct-q4_k_m.gguf",
                1_055_609_536,
                "decd2598bc2c8ed08c19adc3c8fdd461ee19ed5708679d1c54ef54a5a30d4f33",
            ),
        ),
    ),
    KnownModel(
        "granite-3.3-2b",
        "Apache-2.0",
        parameters=2_530_000_000,
        context_tokens=131_072,
        cache_bytes=81_920,
        builds=(
            Build(
                "Q4_K_M",
                f"{_GRANITE}/granite-3.3-2b-instruct-Q4_K_M.gguf",
                1_545_303_328,
                "ac71e9e32c0bea919b409c5918f69ca74339854b0319c5065e4e9fb6d95c4852",
            ),
            Build("Q8_0", f"{_GRANITE}/granite-3.3-2b-instruct-Q8_0.gguf", 2_694_120_096),
        ),
    ),
    KnownModel(
        "qwen3-4b",
        "Apache-2.0",
        parameters=4_020_000_000,
        context_tokens=262_144,
        cache_bytes=147_456,
        builds=(
            Build(
                "Q4_K_M",
                f"{_QWEN_LARGE}/Qwen3-4B-Instruct-2507-Q4_K_M.gguf",
                2_497_281_120,
                "3605803b982cb64aead44f6c1b2ae36e3acdb41d8e46c8a94c6533bc4c67e597",
            ),
            Build("Q8_0", f"{_QWEN_LARGE}/Qwen3-4B-Instruct-2507-Q8_0.gguf", 4_280_405_600),
        ),
    ),
)
"""By size. Thinking models are left out: what they think would count as their answer."""
