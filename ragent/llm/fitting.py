"""How large a context to make, and whether it fits into memory."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass

import psutil  # type: ignore[import-untyped]

from ragent.config import LLMSettings
from ragent.errors import LLMError
from ragent.llm.gguf import Header
from ragent.llm.native import Shape, Yarn

_LOG = logging.getLogger("ragent.llm")
# From 64 rows on, llama.cpp's flash attention on the CPU works in another way, whose last digits depend on
# how a prompt was cut into batches, and on what else the context holds: faster, but not exact.
_STEP = 60
_SEQUENCES_KEPT = 25


@dataclass(frozen=True, slots=True)
class Fitted:
    """A context's shape, the most tokens of one request, and how many requests there may be at once."""

    shape: Shape
    context_tokens: int
    parallel: int


def fit(settings: LLMSettings, header: Header, name: str) -> Fitted:
    """Plan the context of a model.

    Besides the `n_ctx` cells that one request may need, it has as many as `cache_mb` pays for: they let
    requests run side by side, and keep what was read. Where memory is short, that part is made smaller.

    Args:
        settings: the user's.
        header: the model file's.
        name: the model file's, for messages.

    Raises:
        LLMError: the model doesn't say how large its context is, `n_ctx` doesn't fit into memory, or the
            settings contradict each other.
    """
    if settings.kv_type != "f16" and settings.flash_attention == "off":
        raise LLMError(
            f"kv_type {settings.kv_type} needs flash attention",
            hint='set [llm] flash_attention = "auto", or kv_type = "f16"',
        )
    n_ctx = _context_tokens(settings, header, name)
    needed = header.cache_bytes(n_ctx, settings.kv_type)
    spare = psutil.virtual_memory().available - header.size_bytes
    extra = min(settings.cache_mb * 1_000_000, max(0, spare // 2 - needed))
    cell = needed / n_ctx
    cells = n_ctx + int(extra / cell) if cell else n_ctx
    # Models with two sets of rotations choose by the size of the context.
    original = header.number("rope.scaling.original_context_length")
    if n_ctx <= original < cells:
        cells = original
    recurrent = header.number("ssm.state_size") > 0
    # A recurrent model's sequence has a state of fixed size, which takes its memory at once.
    sequences = settings.parallel + (1 if recurrent else _SEQUENCES_KEPT)
    # On a GPU, kernels are chosen by the size of each batch.
    exact = settings.exact and not settings.n_gpu_layers
    shape = Shape(
        cells=cells,
        sequences=sequences,
        batch=settings.n_batch,
        step=_STEP if exact else settings.n_batch,
        threads=settings.threads or _usable_cores(),
        flash_attention=settings.flash_attention,
        kv_type=settings.kv_type,
        rope_scaling=settings.rope_scaling,
        rope_freq_base=settings.rope_freq_base,
        rope_freq_scale=settings.rope_freq_scale,
        yarn=Yarn(
            settings.yarn_ext_factor,
            settings.yarn_attn_factor,
            settings.yarn_beta_fast,
            settings.yarn_beta_slow,
            settings.yarn_orig_ctx,
        ),
        exact=exact and not settings.stitch,
    )
    return Fitted(shape, n_ctx, settings.parallel)


def _context_tokens(settings: LLMSettings, header: Header, name: str) -> int:
    trained = header.context_tokens
    n_ctx = settings.n_ctx or trained
    if not n_ctx:
        raise LLMError(f"{name} doesn't say how large its context is", hint="set [llm] n_ctx")
    if trained and n_ctx > trained:
        _LOG.warning("n_ctx %d is more than the %d tokens that %s was trained for", n_ctx, trained, name)
    if not settings.n_gpu_layers:
        _check_memory(header.size_bytes, header.cache_bytes(n_ctx, settings.kv_type), n_ctx, name)
    return n_ctx


def _check_memory(weights: int, cache: int, n_ctx: int, name: str) -> None:
    free: int = psutil.virtual_memory().available
    if weights > free:
        raise LLMError(
            f"{name} has {weights / 1e9:.1f} GB of weights; {free / 1e9:.1f} GB of memory are free",
            hint="take a smaller model or quantization: `ragent models list` shows which fit here",
        )
    if weights + cache > free:
        fitting = n_ctx * (free - weights) // cache // 2
        raise LLMError(
            f"a context of {n_ctx} tokens needs {cache / 1e9:.1f} GB beside {weights / 1e9:.1f} GB"
            f" of weights; {free / 1e9:.1f} GB are free",
            hint=f'set [llm] n_ctx to less: {fitting} would fit; or kv_type = "q8_0"',
        )


def _usable_cores() -> int:
    # Not every platform can say which cores a process may use.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
