"""Speculative decoding: guess how an output goes on, and have the model check several tokens in one step.

The model reads a draft in one batch with the token before it. At each place the request's own sampler picks,
under its own constraint, from what the model says there; the draft goes as far as the picks agree with it.
So every token is drawn from the model's own distribution, just as if they were read one at a time.
Source: speculative sampling (Leviathan et al. 2023, arXiv 2211.17192), for drafts without probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import Literal, Protocol

from ragent.config import LLMSettings
from ragent.llm.draft_model import DraftModel
from ragent.llm.fitting import Fitted, fit
from ragent.llm.gguf import read_header
from ragent.llm.lookup import Draft, PromptLookup
from ragent.llm.models import resolve_model
from ragent.llm.native import Loading, Model
from ragent.llm.pace import Odds, OwnOdds, Pace
from ragent.llm.writing import Writing

Mode = Literal["auto", "on"]


class Drafter(Protocol):
    """Guesses how one sequence goes on, at no cost that counts."""

    def propose(self, tokens: Sequence[int], most: int) -> Draft:
        """A continuation of `tokens`, which begin with those of the call before."""


class Speculation:
    """What the requests of one engine share: how fast it is, and how often drafts were right."""

    def __init__(self, mode: Mode, most: int, model: DraftModel | None = None) -> None:
        """Begin without knowing anything.

        Args:
            mode: "auto": draft where it is expected to be faster; "on": always, as long as possible.
            most: the most tokens of a draft.
            model: guesses where neither constraint nor lookup can.
        """
        self.mode = mode
        self.most = most
        self.model = model
        self.pace = Pace()
        self.forced_odds, self.lookup_odds, self.model_odds = Odds(), Odds(), Odds()

    def begin(self, writing: Writing) -> Drafting:
        """For a new request."""
        return Drafting(self, writing)


def open_speculation(
    settings: LLMSettings, folder: Path | None, fitted: Fitted, target: Model
) -> Speculation | None:
    """What the settings ask for; None where nothing is to be drafted, or can't be.

    Args:
        settings: the user's.
        folder: HOME/models, or None: where the draft model may be.
        fitted: the target's context.
        target: the model that is to write.

    Raises:
        ModelNotFound: there is no such draft model.
        LLMError: the draft model has another vocabulary, or can't be used for other reasons.
    """
    if settings.speculate == "off" or not target.can_be_cut:
        return None
    if not settings.draft_model:
        return Speculation(settings.speculate, settings.draft_tokens)
    path = resolve_model(settings.draft_model, folder)
    own = {"rope_scaling": "", "rope_freq_base": 0.0, "rope_freq_scale": 0.0}
    alone = {"n_ctx": fitted.context_tokens, "cache_mb": 0, "parallel": 1}
    shape = fit(settings.model_copy(update=own | alone), read_header(path), path.name).shape
    model = Model(path, Loading(settings.n_gpu_layers, settings.mmap, settings.mlock))
    return Speculation(settings.speculate, settings.draft_tokens, DraftModel(model, shape, target))


class Drafting:
    """The drafts of one request.

    Attributes:
        drafted: tokens of drafts that the model has read.
        accepted: those of them that it would have written, too.
        in_company: whether to draft while other requests are in progress, too.
    """

    def __init__(self, shared: Speculation, writing: Writing) -> None:
        self.drafted = self.accepted = 0
        self.in_company = shared.mode == "on"
        self._shared = shared
        self._writing = writing
        self._drafters: tuple[tuple[Drafter, Odds | OwnOdds], ...] = (
            (_Forced(writing), shared.forced_odds),
            (PromptLookup(), OwnOdds(shared.lookup_odds)),
        )
        self._guesses: list[tuple[Draft, Odds | OwnOdds]] = []
        self._draft: list[int] = []

    def draft(self, tokens: Sequence[int], most: int) -> list[int]:
        """What to read along with the last of `tokens`; none where nothing is gained.

        Args:
            tokens: prompt and output so far.
            most: how many there is room for.
        """
        # Of what may still be written, the last token is picked, but never read.
        most = max(0, min(most, self._shared.most, self._writing.left - 1))
        self._guesses, self._draft = [], []
        for drafter, odds in self._drafters:
            # One is guessed even where there is no room for it: it tells how good the guesses are.
            guess = self._possible(drafter.propose(tokens, max(1, most)), odds)
            if not self._draft:
                chances = odds.chances(guess.sure, min(most, len(guess.tokens)))
                self._draft = guess.tokens[: self._worth(chances)]
        if most and not self._draft and self._shared.model:
            self._draft = self._modelled(self._shared.model, tokens, most)
        return self._draft

    def learn(self, picked: Sequence[int]) -> None:
        """Compare all guesses, whether or not they were read as drafts, with what came instead."""
        for draft, odds in self._guesses:
            right = _agreeing(draft.tokens, picked)
            odds.learn(draft.sure, count=right, failed=right < min(len(draft.tokens), len(picked)))
        self.drafted += len(self._draft)
        self.accepted += _agreeing(self._draft, picked)
        self._guesses, self._draft = [], []

    def _modelled(self, model: DraftModel, tokens: Sequence[int], most: int) -> list[int]:
        odds = self._shared.model_odds
        most = self._worth(odds.chances(0, most), *model.price(tokens))
        return self._possible(model.propose(tokens, most), odds).tokens if most else []

    def _possible(self, guess: Draft, odds: Odds | OwnOdds) -> Draft:
        """As much of it as the constraint allows; to be compared with what comes."""
        guess = Draft(guess.tokens[: self._writing.fitting(guess.tokens)], guess.sure)
        self._guesses.append((guess, odds))
        return guess

    def _worth(self, chances: Sequence[float], start: float = 0.0, each: float = 0.0) -> int:
        if self._shared.mode == "on":
            return len(chances)
        return self._shared.pace.plan(chances, start, each)


class _Forced:
    """What an output's constraint leaves no choice about: the keys of an object, say."""

    def __init__(self, writing: Writing) -> None:
        self._writing = writing

    def propose(self, tokens: Sequence[int], most: int) -> Draft:
        del tokens  # the constraint knows them
        return Draft(self._writing.forced()[:most])


def _agreeing(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two sequences have in common from the start."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
