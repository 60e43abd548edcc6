"""Runs GGUF models in this process with llama.cpp, by way of llama-cpp-python."""

from __future__ import annotations

import codecs
import ctypes
import logging
import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Literal

import llama_cpp
import numpy as np
import psutil  # type: ignore[import-untyped]

from ragent.config import LLMSettings
from ragent.errors import ContextOverflow, LLMError, RagentError
from ragent.llm.chat_template import ChatTemplate
from ragent.llm.gguf import Header, read_header
from ragent.llm.models import resolve_model
from ragent.llm.scoring import Scorer
from ragent.llm.stops import StopFilter
from ragent.protocols import Constraint, Decoding, Logits
from ragent.types import Delta, Message, Sampling, Usage, Vocabulary

_LOG = logging.getLogger("ragent.llm")
_BATCH = 512
_LEAST_COMPLETION = 16
_SCORING_TOKENS = 4096
_CONTROL = llama_cpp.LLAMA_TOKEN_ATTR_CONTROL | llama_cpp.LLAMA_TOKEN_ATTR_UNKNOWN


def open_llamacpp(settings: LLMSettings, folder: Path | None = None) -> LlamaCpp:
    """Load a model.

    Args:
        settings: `model` is a name or path (see `resolve_model`); the context is the model's own unless
            `n_ctx` says otherwise.
        folder: HOME/models, or None.

    Raises:
        ModelNotFound: there is no such model.
        LLMError: the file isn't a whole GGUF model with a chat template, or doesn't fit into memory.
    """
    path = resolve_model(settings.model, folder)
    header = read_header(path)
    n_ctx = _context_size(settings, header, path)
    threads = settings.threads or _usable_cores()
    try:
        llama = llama_cpp.Llama(
            str(path),
            n_ctx=n_ctx,
            n_batch=_BATCH,
            n_ubatch=_BATCH,
            n_gpu_layers=settings.n_gpu_layers,
            n_threads=threads,
            n_threads_batch=threads,
            verbose=False,
        )
    except Exception as error:  # llama-cpp-python raises whatever its parts raise
        raise LLMError(
            f"llama.cpp can't load {path}: {error}",
            hint="`ragent models doctor` tests the engine; with a smaller [llm] n_ctx it takes less memory",
        ) from error
    return LlamaCpp(llama, path.stem, header.text("tokenizer.chat_template"))


class LlamaCpp:
    """A chat model held in memory, with the key-value cache of its last prompt.

    What the next prompt has in common with the last one, from the start, is not computed again. Streams of
    several threads take turns: the second waits until the first has ended or is closed, so a thread must
    close one stream before it starts another.
    """

    def __init__(self, llama: llama_cpp.Llama, name: str, template: str) -> None:
        """Wrap a loaded engine. Raises LLMError if its chat template isn't valid."""
        self._llama = llama
        self._name = name
        self._turn = Lock()
        self._vocab = llama_cpp.llama_model_get_vocab(llama.model)
        self._chat = ChatTemplate(
            template,
            bos=self._token_text(llama.token_bos()),
            eos=self._token_text(llama.token_eos()),
            control_tokens=self._control_tokens(),
        )

    @property
    def name(self) -> str:
        """The model file's name, without its ending."""
        return self._name

    @property
    def context_tokens(self) -> int:
        """Prompt and completion together may not exceed this."""
        return len(self._llama.input_ids)

    def count_prompt(self, messages: Sequence[Message]) -> int:
        """Tokens of the prompt as the model reads it: template, control tokens and all."""
        return len(self._prompt(messages))

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The tokens, for constraints."""
        pieces = tuple(self._piece(token) for token in range(self._llama.n_vocab()))
        ends = [token for token in range(len(pieces)) if llama_cpp.llama_vocab_is_eog(self._vocab, token)]
        return Vocabulary(pieces, tuple(ends), self._plain_tokens)

    def stream(
        self, messages: Sequence[Message], sampling: Sampling, constraint: Constraint | None = None
    ) -> Iterator[Delta]:
        """Generate an answer piece by piece; the last piece carries `finish_reason` and `usage`.

        Raises:
            ContextOverflow: at once, if the prompt leaves no room for an answer.
            LLMError: the chat template or the engine fails.
            SchemaError: the constraint's form is too complex for this vocabulary.
        """
        decoding = constraint.start(self.vocabulary) if constraint else None
        prompt = self._prompt(messages)
        room = self.context_tokens - len(prompt)
        least = min(sampling.max_tokens or _LEAST_COMPLETION, _LEAST_COMPLETION)
        if room < least:
            raise ContextOverflow(
                f"the prompt has {len(prompt)} tokens and the answer needs at least {least};"
                f" the model's context is {self.context_tokens}",
                hint="ask with fewer passages (-k), or with a larger [llm] n_ctx",
            )
        guide = _Guide(decoding, min(sampling.max_tokens or room, room))
        return self._stream(prompt, sampling, guide)

    def log_likelihoods(
        self, messages: Sequence[Message], continuations: Sequence[str], begun: str = ""
    ) -> list[float]:
        """Sum of ln p over the tokens of each continuation of the answer that `begun` begins.

        Computed in a context of its own, so neither a stream in progress nor its cache is disturbed.

        Raises:
            ContextOverflow: messages and continuation don't fit into `scoring_tokens`.
            ValueError: a continuation is empty.
            LLMError: the chat template or the engine fails.
        """
        if not all(continuations):
            raise ValueError("a continuation is empty")
        prompt = self._prompt(messages) + self._tokenize(begun)
        return self._scorer.log_likelihoods(prompt, [self._tokenize(text) for text in continuations])

    @property
    def scoring_tokens(self) -> int:
        """The most tokens, messages and continuation together, that `log_likelihoods` takes."""
        return min(self.context_tokens, _SCORING_TOKENS)

    def count(self, texts: Sequence[str]) -> list[int]:
        """Number of tokens of each text; nothing is cut."""
        return [len(self._tokenize(text)) for text in texts]

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Character span of each token of the text, in order; a character cut in two belongs to both."""
        pieces = [len(self._piece(token)) for token in self._tokenize(text)]
        data = text.encode("utf-8", "replace")
        ends = np.cumsum(pieces) + len(data) - sum(pieces)
        # Some tokenizers put a space before the text: then the first token's span is that much shorter.
        character = np.cumsum([byte & 0xC0 != 0x80 for byte in data])
        starts = np.maximum(0, np.concatenate([[0], ends]))[: len(ends)].astype(int)
        return [
            (int(character[a]) - 1 if a < len(data) else len(text), int(character[b - 1]) if b else 0)
            for a, b in zip(starts, ends, strict=True)
        ]

    @cached_property
    def _scorer(self) -> Scorer:
        return Scorer(self._llama, self.scoring_tokens, self._llama.n_threads)

    def _tokenize(self, text: str) -> list[int]:
        data = text.encode("utf-8", "replace")
        tokens: list[int] = self._llama.tokenize(data, add_bos=False, special=False) if data else []
        return tokens

    def _stream(self, prompt: list[int], sampling: Sampling, guide: _Guide) -> Iterator[Delta]:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        stops = StopFilter(sampling.stop)
        finish: Literal["stop", "length"] = "length"
        produced = 0
        with self._turn:
            reused = self._reuse(prompt)
            with closing(self._tokens(prompt, sampling, guide)) as tokens:
                for token in tokens:
                    if llama_cpp.llama_vocab_is_eog(self._vocab, token):
                        finish = guide.finish
                        break
                    produced += 1
                    guide.advance(token)
                    if text := stops.feed(decoder.decode(self._piece(token))):
                        yield Delta(text)
                    if stops.stopped:
                        finish = "stop"
                        break
                    if guide.done:
                        finish = guide.finish
                        break
                    if not guide.left:
                        break
            rest = stops.feed(decoder.decode(b"", final=True)) + stops.rest()
            yield Delta(rest, finish, Usage(len(prompt), produced, reused))

    def _tokens(self, prompt: list[int], sampling: Sampling, guide: _Guide) -> Generator[int]:
        self._llama.set_seed(sampling.seed)
        tokens = self._llama.generate(
            prompt,
            top_k=sampling.top_k,
            top_p=sampling.top_p,
            min_p=sampling.min_p,
            temp=sampling.temperature,
            repeat_penalty=sampling.repeat_penalty,
            logits_processor=guide.processor,
        )
        try:
            yield from tokens
        except (RuntimeError, ValueError) as error:
            self._llama.reset()
            raise LLMError(
                f"llama.cpp failed: {error}", hint="`ragent models doctor` tests the engine"
            ) from error
        finally:
            tokens.close()

    def _reuse(self, prompt: list[int]) -> int:
        """Cut the cache back to what it shares with the prompt; the number of tokens kept.

        The last prompt token is always computed anew, since its logits are needed. `generate` would do the
        same cut by itself, but wouldn't tell what became of it: some models' caches can't be cut.
        """
        held = self._llama.input_ids[: self._llama.n_tokens].tolist()
        shared = 0
        for old, new in zip(held, prompt[:-1], strict=False):
            if old != new:
                break
            shared += 1
        memory = llama_cpp.llama_get_memory(self._llama.ctx)
        if shared and llama_cpp.llama_memory_seq_rm(memory, 0, shared, -1):
            self._llama.n_tokens = shared
            return shared
        self._llama.reset()
        return 0

    def _prompt(self, messages: Sequence[Message]) -> list[int]:
        text = self._chat.render(messages)
        tokens: list[int] = self._llama.tokenize(text.encode("utf-8", "replace"), add_bos=False, special=True)
        bos = self._llama.token_bos()
        if llama_cpp.llama_vocab_get_add_bos(self._vocab) and tokens[:1] != [bos]:
            tokens.insert(0, bos)
        return tokens

    def _plain_tokens(self, text: bytes) -> list[int]:
        tokens: list[int] = self._llama.tokenize(text, add_bos=False, special=False)
        return tokens

    def _piece(self, token: int) -> bytes:
        """The bytes of a token; none for control tokens. `Llama.detokenize` loses pieces over 32 bytes."""
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = llama_cpp.llama_token_to_piece(self._vocab, token, buffer, size, 0, False)
            if length >= 0:
                return buffer.raw[:length]
            size = -length

    def _token_text(self, token: int) -> str:
        if token < 0:
            return ""
        text: bytes = llama_cpp.llama_vocab_get_text(self._vocab, token)
        return text.decode("utf-8", "replace")

    def _control_tokens(self) -> list[str]:
        attributes = llama_cpp.llama_vocab_get_attr
        return [
            self._token_text(token)
            for token in range(self._llama.n_vocab())
            if attributes(self._vocab, token) & _CONTROL
        ]


class _Guide:
    """Counts the tokens of one output, and applies its constraint, if it has one."""

    def __init__(self, decoding: Decoding | None, limit: int) -> None:
        self._decoding = decoding
        self._failure: RagentError | None = None
        self.left = limit

    @property
    def done(self) -> bool:
        return self._decoding is not None and self._decoding.done

    @property
    def finish(self) -> Literal["stop", "length"]:
        """Why the output ended, if it did so by itself."""
        return "length" if self._decoding and self._decoding.hurried else "stop"

    @property
    def processor(self) -> llama_cpp.LogitsProcessorList | None:
        return llama_cpp.LogitsProcessorList([self._restrict]) if self._decoding else None

    def advance(self, token: int) -> None:
        if self._failure:
            raise self._failure
        self.left -= 1
        if self._decoding:
            self._decoding.advance(token)

    def _restrict(self, _tokens: object, logits: Logits) -> Logits:
        assert self._decoding  # noqa: S101  there is a processor only with a constraint
        try:
            self._decoding.restrict(logits, self.left)
        except RagentError as error:
            # llama.cpp calls this, and an error would be lost on the way through it.
            self._failure = error
        return logits


def _context_size(settings: LLMSettings, header: Header, path: Path) -> int:
    trained = header.context_tokens
    n_ctx = settings.n_ctx or trained
    if not n_ctx:
        raise LLMError(f"{path} doesn't say how large its context is", hint="set [llm] n_ctx")
    if trained and n_ctx > trained:
        _LOG.warning("n_ctx %d is more than the %d tokens that %s was trained for", n_ctx, trained, path.name)
    needed, free = header.cache_bytes(n_ctx), psutil.virtual_memory().available
    if needed > free and not settings.n_gpu_layers:
        raise LLMError(
            f"a context of {n_ctx} tokens needs {needed / 1e9:.1f} GB; {free / 1e9:.1f} GB are free",
            hint=f"set [llm] n_ctx to less: {n_ctx * free // needed // 2} would fit",
        )
    return n_ctx


def _usable_cores() -> int:
    # Not every platform can say which cores a process may use.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _log(_level: int, text: bytes, _data: ctypes.c_void_p) -> None:
    if _LOG.isEnabledFor(logging.DEBUG):
        _LOG.debug("%s", text.decode("utf-8", "replace").rstrip("\n"))


# Without this llama.cpp writes to stderr. It holds no reference of its own to the callback.
llama_cpp.llama_log_set(_log, ctypes.c_void_p(0))
