"""Runs GGUF models in this process with llama.cpp, by way of llama-cpp-python."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

import llama_cpp
import numpy as np

from ragent.config import LLMSettings
from ragent.errors import ContextOverflow, LLMError
from ragent.llm.adapters import find_adapters
from ragent.llm.beam import Beams, Hypothesis, beam_search
from ragent.llm.chat_template import ChatTemplate
from ragent.llm.choosing import Candidate
from ragent.llm.control_vectors import ControlVector
from ragent.llm.engine import Engine
from ragent.llm.fitting import Fitted, fit
from ragent.llm.gguf import read_header
from ragent.llm.models import resolve_model
from ragent.llm.native import Loading, Model
from ragent.llm.scoring import Perplexity, Scorer, perplexity
from ragent.llm.speculating import open_speculation
from ragent.llm.states import States, fingerprint, states_folder
from ragent.llm.steering import Contrast, Progress, train
from ragent.llm.stitching import Span, Stitcher, passage_spans, stitching_shape
from ragent.llm.text_vectors import TextVectors
from ragent.llm.weights import choose_weights, converted, weights_folder
from ragent.llm.writing import Writing
from ragent.protocols import Constraint, Vectors
from ragent.trace import chat, score
from ragent.types import Delta, Message, Sampling, Usage, Vocabulary

_LEAST_COMPLETION = 16
_SCORING_TOKENS = 4096
_PROVIDER = "llama.cpp"


def open_llamacpp(settings: LLMSettings, folder: Path | None = None) -> LlamaCpp:
    """Load a model.

    Args:
        settings: `model` is a name or path (see `resolve_model`); the context is the model's own unless
            `n_ctx` says otherwise.
        folder: HOME/models, or None: then nothing is kept on disk either.

    Raises:
        ModelNotFound: there is no such model, or adapter.
        LLMError: the file isn't a whole GGUF model with a chat template, or doesn't fit into memory; or an
            adapter doesn't fit the model.
    """
    path = resolve_model(settings.model, folder)
    header = read_header(path)
    if header.number("block_count") < 1:  # llama.cpp would take the process down with it
        raise LLMError(f"{path} is no language model: it has no layers", hint="use another model file")
    fitted = fit(settings, header, path.name)
    adapters = find_adapters(settings, folder)
    weights = converted(path, choose_weights(settings, header), weights_folder()) if folder else path
    model = Model(weights, Loading(settings.n_gpu_layers, settings.mmap, settings.mlock, adapters))
    kept = partial(_states, settings, weights, folder, fitted)
    stitcher = None
    if settings.stitch:
        shape = stitching_shape(fitted, header)
        stitcher = Stitcher(model, shape, kept("passages"), settings.cache_mb * 1_000_000)
    states = kept("stitched" if settings.stitch else "")
    speculation = open_speculation(settings, folder, fitted, model)
    engine = Engine(model, fitted.shape, fitted.parallel, states, stitcher, speculation)
    return LlamaCpp(model, fitted, header.text("tokenizer.chat_template"), path.stem, engine)


def _states(
    settings: LLMSettings, path: Path, folder: Path | None, fitted: Fitted, kind: str
) -> States | None:
    """Where to keep one kind of what is read, if anywhere."""
    if not folder or not settings.disk_cache_mb:
        return None
    shape = fitted.shape
    numbers = (*shape.numbers, *find_adapters(settings, folder).fingerprint())
    key = fingerprint(path, (llama_cpp.__version__, fitted.context_tokens, shape.step, numbers, kind))
    return States(states_folder(folder.parent), key, settings.disk_cache_mb * 1_000_000)


class LlamaCpp:
    """A chat model held in memory, for any number of threads.

    Their answers are written side by side. What the beginning of a prompt has in common with one that was
    read before is not computed again.
    """

    def __init__(
        self,
        model: Model,
        fitted: Fitted,
        template: str,
        name: str,
        engine: Engine,
    ) -> None:
        """Chat with a model by way of the engine that works with it. Raises LLMError for a bad template."""
        self._model = model
        self._fitted = fitted
        self._name = name
        self._chat = ChatTemplate(
            template,
            bos=model.text(model.bos),
            eos=model.text(model.eos),
            control_tokens=model.control_tokens(),
        )
        self._engine = engine

    def close(self) -> None:
        """End what is in progress, and save what was read: it happens by itself at the end, too."""
        self._engine.close()

    @property
    def name(self) -> str:
        """The model file's name, without its ending."""
        return self._name

    @property
    def context_tokens(self) -> int:
        """Prompt and completion together may not exceed this."""
        return self._fitted.context_tokens

    def count_prompt(self, messages: Sequence[Message]) -> int:
        """Tokens of the prompt as the model reads it: template, control tokens and all."""
        return len(self._prompt(messages))

    @property
    def vocabulary(self) -> Vocabulary:
        """The tokens, for constraints."""
        return self._model.vocabulary

    def stream(
        self, messages: Sequence[Message], sampling: Sampling, constraint: Constraint | None = None
    ) -> Iterator[Delta]:
        """Generate an answer piece by piece; the last piece carries `finish_reason` and `usage`.

        Raises:
            ContextOverflow: at once, if the prompt leaves no room for an answer.
            LLMError: the chat template or the engine fails, or `sampling.timeout_s` is over.
            SchemaError: the constraint's form is too complex for this vocabulary.
        """
        about = {"gen_ai.provider.name": _PROVIDER, "gen_ai.request.model": self.name}
        return chat(about, messages, sampling, partial(self._stream, messages, sampling, constraint))

    def _stream(
        self, messages: Sequence[Message], sampling: Sampling, constraint: Constraint | None
    ) -> Iterator[Delta]:
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
        writing = Writing(self._model, sampling, decoding, min(sampling.max_tokens or room, room))
        return self._engine.generate(prompt, writing, sampling.timeout_s, self._passages(messages, prompt))

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
        tokens = [self._tokenize(text) for text in continuations]
        with score(_PROVIDER, self.name, len(tokens)) as told:
            told.usage(Usage(len(prompt) + sum(map(len, tokens))))
            return self._scorer.log_likelihoods(prompt, tokens)

    def token_log_likelihoods(self, messages: Sequence[Message], answer: str) -> list[tuple[str, float]]:
        """The tokens of an answer, each with its ln p after all before it. Raises as `log_likelihoods`."""
        if not answer:
            raise ValueError("the answer is empty")
        prompt, tokens = self._prompt(messages), self._tokenize(answer)
        found = self._scorer.each([*prompt, *tokens], len(prompt))
        return [
            (self._model.piece(token).decode("utf-8", "replace"), float(one))
            for token, one in zip(tokens, found, strict=True)
        ]

    def beam_search(self, messages: Sequence[Message], beams: Beams | None = None) -> list[Candidate]:
        """The likeliest answers as wholes, best first. Computed in a context of its own.

        Nothing is sampled, and nothing penalized: with a width of 1 it is greedy.

        Raises:
            ContextOverflow: the prompt and the longest answer don't fit.
            LLMError: the chat template or the engine fails, or this kind of model can't search.
        """
        beams = beams or Beams()
        prompt = self._prompt(messages)
        if len(prompt) + beams.max_tokens > self.context_tokens:
            raise ContextOverflow(
                f"the prompt has {len(prompt)} tokens, the answer may have {beams.max_tokens};"
                f" the model's context is {self.context_tokens}",
                hint="allow fewer tokens, or set a larger [llm] n_ctx",
            )
        found = beam_search(self._model, self._fitted.shape, prompt, beams)
        return [self._candidate(one, len(prompt)) for one in found]

    def perplexity(self, text: str, *, stride: int = 0) -> Perplexity:
        """How the model finds a plain text: see `scoring.perplexity`, whose window has `scoring_tokens`.

        Args:
            text: without chat template; control tokens in it are plain text.
            stride: tokens from one window to the next; 0: half a window.

        Raises:
            ValueError: the text has no token to predict, or the stride is out of range.
            LLMError: the engine fails.
        """
        head = [self._model.bos] if self._model.begins_with_bos else []
        tokens = self._tokenize(text)
        return perplexity(self._scorer, tokens, head, stride or self.scoring_tokens // 2)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts, shape (n, size of the hidden states): means over the tokens, of unit length.

        They are those of a model that was trained to write: an embedder's are better to search with. The mean
        is over the last layer's normalised states.

        Raises:
            ContextOverflow: a text has more than `scoring_tokens`; nothing is cut.
            ValueError: a text is empty.
            LLMError: the engine fails.
        """
        head = [self._model.bos] if self._model.begins_with_bos else []
        if not all(texts):
            raise ValueError("a text is empty")
        vectors = [self._vectors.vector([*head, *self._tokenize(text)]) for text in texts]
        return np.array(vectors, np.float32).reshape(len(texts), self._model.size)

    def train_control_vector(
        self, pairs: Sequence[Contrast], progress: Progress | None = None
    ) -> ControlVector:
        """What tells the positive prompts from the negative ones, as a direction for each layer.

        Args:
            pairs: what a user would say; a handful does. The chat template is put around them.
            progress: told how many prompts were read, of how many.

        Raises:
            LLMError: there are no pairs, or they don't differ; or the engine fails.
        """
        if not pairs:
            raise LLMError(
                "there are no pairs to train from", hint="a handful of contrasting prompts will do"
            )
        tokens = [(self._asked(pair.positive), self._asked(pair.negative)) for pair in pairs]
        return replace(train(self._model, self._fitted.shape, tokens, progress), model=self.name)

    @property
    def scoring_tokens(self) -> int:
        """The most tokens, messages and continuation together, that `log_likelihoods` takes."""
        return min(self.context_tokens, _SCORING_TOKENS)

    def count(self, texts: Sequence[str]) -> list[int]:
        """Number of tokens of each text; nothing is cut."""
        return [len(self._tokenize(text)) for text in texts]

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Character span of each token of the text, in order; a character cut in two belongs to both."""
        pieces = [len(self._model.piece(token)) for token in self._tokenize(text)]
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
    def _vectors(self) -> TextVectors:
        return TextVectors(self._model, replace(self._fitted.shape, cells=self.scoring_tokens))

    @cached_property
    def _scorer(self) -> Scorer:
        return Scorer(self._model, replace(self._fitted.shape, cells=self.scoring_tokens, sequences=1))

    def _candidate(self, one: Hypothesis, prompt_tokens: int) -> Candidate:
        text = b"".join(map(self._model.piece, one.tokens)).decode("utf-8", "replace")
        usage = Usage(prompt_tokens, len(one.tokens))
        return Candidate(text, one.score, Delta("", "stop" if one.is_complete else "length", usage))

    def _asked(self, text: str) -> list[int]:
        return self._prompt([Message("user", text)])

    def _tokenize(self, text: str) -> list[int]:
        return self._model.tokenize(text.encode("utf-8", "replace"))

    def _passages(self, messages: Sequence[Message], prompt: Sequence[int]) -> list[Span]:
        passages = [passage for message in messages for passage in message.passages]
        if not self._engine.stitches or not passages:
            return []
        pieces = [self._model.piece(token) or self._model.text(token).encode() for token in prompt]
        return passage_spans(pieces, passages)

    def _prompt(self, messages: Sequence[Message]) -> list[int]:
        text = self._chat.render(messages)
        tokens = self._model.tokenize(text.encode("utf-8", "replace"), special=True)
        if self._model.begins_with_bos and tokens[:1] != [self._model.bos]:
            tokens.insert(0, self._model.bos)
        return tokens
