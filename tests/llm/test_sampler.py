from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ragent.config import LLMSettings
from ragent.llm.models import DEFAULT_MODEL, resolve_model
from ragent.types import Dry, Mirostat, Sampling

if TYPE_CHECKING:
    from ragent.llm.native import Model
    from ragent.protocols import Logits


@pytest.fixture(scope="module")
def model() -> Model:
    from ragent.llm.native import Loading, Model

    return Model(resolve_model(DEFAULT_MODEL), Loading())


class Picking:
    """Asks a sampler for tokens, from the probabilities of the first few; the others can't come."""

    def __init__(self, model: Model, sampling: Sampling) -> None:
        from ragent.llm.sampler import Sampler

        self._sampler = Sampler(sampling, model)
        self._words = model.words

    def __call__(self, *probabilities: float) -> int:
        with np.errstate(divide="ignore"):
            return self._sampler.pick(self.logits(np.log(probabilities)))

    def many(self, count: int, *probabilities: float) -> list[int]:
        return [self(*probabilities) for _ in range(count)]

    def logits(self, first: Sequence[float] | np.ndarray) -> Logits:
        logits = np.full(self._words, -np.inf, np.float32)
        logits[: len(first)] = first
        return logits


def free(**sampling: object) -> Sampling:
    """By chance alone."""
    return Sampling(repeat_penalty=1.0, **{"temperature": 1.0, **sampling})  # type: ignore[arg-type]


def test_the_likeliest(model: Model) -> None:
    assert Picking(model, Sampling(repeat_penalty=1.0)).many(3, 0.2, 0.5, 0.3) == [1, 1, 1]


@pytest.mark.parametrize(
    ("sampling", "possible"),
    [
        (free(), {0, 1, 2, 3}),
        (free(top_k=2), {1, 2}),
        (free(top_p=0.45), {1}),
        (free(min_p=0.5), {1, 2}),
        (free(temperature=0.01), {1}),
        # Surprises are 3.3, 1, 1.7 and 3.3 bits, 1.69 on average: the likeliest isn't the most typical.
        (free(typical_p=0.25), {2}),
        (free(typical_p=0.75), {1, 2}),
        (free(top_k=3, typical_p=0.75), {1, 2}),
    ],
)
def test_what_can_be_picked(model: Model, sampling: Sampling, possible: set[int]) -> None:
    assert set(Picking(model, sampling).many(200, 0.1, 0.5, 0.3, 0.1)) == possible


@pytest.mark.parametrize("mirostat", [Mirostat(1), Mirostat(2), None])
def test_the_seed_decides(model: Model, mirostat: Mirostat | None) -> None:
    share = 0.9 ** np.arange(30) / sum(0.9 ** np.arange(30))
    one, again, other = (Picking(model, free(mirostat=mirostat, seed=n)).many(20, *share) for n in (1, 1, 2))
    assert one == again != other


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_mirostat_holds_the_surprise(model: Model, version: int, temperature: float) -> None:
    share = 1 / np.arange(1, 200)
    share /= share.sum()
    surprise = []
    for tau in (1.5, 4.0):
        mirostat = Mirostat(version, tau, 0.2)  # type: ignore[arg-type]
        pick = Picking(model, free(mirostat=mirostat, seed=3, temperature=temperature))
        surprise.append(-np.log2(share[pick.many(400, *share)[100:]]).mean())
    # In bits of the whole distribution; mirostat reckons over what its own cut leaves.
    assert surprise[0] < surprise[1] - 1


def test_mirostat_takes_what_is_left_by_a_constraint(model: Model) -> None:
    for version in (1, 2):
        pick = Picking(model, free(mirostat=Mirostat(version)))  # type: ignore[arg-type]
        assert pick.many(5, 0, 0, 1) == [2] * 5


def test_dry_breaks_a_loop(model: Model) -> None:
    def written(sampling: Sampling) -> list[int]:
        """A model that says 0, 1, 2, 0, 1, 2 for ever, and 3 where it is kept from that."""
        pick = Picking(model, sampling)
        out: list[int] = []
        for n in range(24):
            share = [0.01, 0.01, 0.01, 0.1]
            share[n % 3] = 0.87
            out.append(pick(*share))
        return out

    loop = [0, 1, 2] * 8
    assert written(Sampling(repeat_penalty=1.0)) == loop
    assert written(Sampling(repeat_penalty=1.0, dry=Dry())) != loop
    # The penalty sets in after as many tokens as are allowed to be repeated.
    strict = written(Sampling(repeat_penalty=1.0, dry=Dry(multiplier=9.0)))
    lenient = written(Sampling(repeat_penalty=1.0, dry=Dry(multiplier=9.0, allowed_length=4)))
    assert strict.index(3) == 5
    assert lenient.index(3) == 7
    assert written(Sampling(repeat_penalty=1.0, dry=Dry(multiplier=0.0))) == loop
    assert written(Sampling(repeat_penalty=1.0, dry=Dry(multiplier=9.0, last_n=4))) == loop


def test_dry_spares_what_a_breaker_parts(model: Model) -> None:
    cat, colon = model.tokenize(b"cat")[0], model.tokenize(b":")[0]
    loop = [cat, colon] * 6

    def written(breakers: tuple[str, ...]) -> list[int]:
        pick = Picking(model, Sampling())
        from ragent.llm.sampler import Sampler

        sampler = Sampler(Sampling(repeat_penalty=1.0, dry=Dry(9.0, breakers=breakers)), model)
        out = []
        for token in loop:
            logits = pick.logits([1.0])
            logits[token] = 3.0
            out.append(sampler.pick(logits))
        return out

    assert written((":",)) == loop
    assert written(()) != loop


def test_penalties_are_llama_cpps(model: Model) -> None:
    import llama_cpp

    from ragent.llm.sampler import Sampler

    random = np.random.default_rng(5)
    wanted = Sampling(repeat_penalty=1.3, repeat_last_n=6, frequency_penalty=0.7, presence_penalty=-0.4)
    ours = Sampler(wanted, model)
    theirs = llama_cpp.llama_sampler_init_penalties(model.words, 6, 1.3, 0.7, -0.4)
    for _ in range(30):
        logits = Picking(model, wanted).logits(random.normal(0, 1.5, 12).astype(np.float32))
        data = (llama_cpp.llama_token_data * 12)(*((n, logits[n], 0) for n in range(12)))
        array = llama_cpp.llama_token_data_array(data, 12, -1, False)
        llama_cpp.llama_sampler_apply(theirs, ctypes.byref(array))
        token = ours.pick(logits)
        llama_cpp.llama_sampler_accept(theirs, token)
        assert logits[:12] == pytest.approx([one.logit for one in data], abs=1e-5)
    llama_cpp.llama_sampler_free(theirs)


def test_penalties_look_back_as_far_as_they_should(model: Model) -> None:
    def second(**more: int) -> int:
        pick = Picking(model, Sampling(repeat_penalty=1.0, presence_penalty=5.0, **more))  # type: ignore[arg-type]
        pick(0.9, 0.1)
        pick.many(70, 0.0, 0.0, 1.0)
        return pick(0.9, 0.1, 0.0)

    assert second() == 0
    assert second(repeat_last_n=-1) == 1
    assert second(repeat_last_n=0) == 0


def test_settings_become_sampling() -> None:
    assert LLMSettings().sampling == Sampling()
    told = LLMSettings(dry_multiplier=0.8, mirostat=2, mirostat_tau=3, typical_p=0.9, timeout_s=4).sampling
    assert (told.dry, told.mirostat, told.typical_p, told.timeout_s) == (Dry(), Mirostat(2, 3), 0.9, 4.0)
