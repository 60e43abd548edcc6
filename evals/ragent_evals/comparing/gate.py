"""What a comparison must not show: read from a file, for CI."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ragent.errors import ConfigError, EvalError
from ragent_evals.comparing.comparison import SIGNIFICANCE, Comparison, Difference
from ragent_evals.comparing.costs import COST_METRICS
from ragent_evals.comparing.significance import holm


class Bound(BaseModel):
    """What is asked of a metric.

    A loss fails the gate where it is significant and larger than `max_loss`. `min_value` and `max_value`
    bound run B's figure over all cases. `slices` are looked at for losses, too: "source=handbook", or
    "source" for each of its values.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_loss: float = Field(default=0.0, ge=0)
    min_value: float | None = None
    max_value: float | None = None
    significance: float | None = Field(default=None, gt=0, lt=1)
    slices: tuple[str, ...] = ()


class Gate(BaseModel):
    """Bounds by metric. `significance` holds where a metric has none of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    significance: float = Field(default=SIGNIFICANCE, gt=0, lt=1)
    metrics: dict[str, Bound] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Breach:
    """A bound that isn't kept. `why` says so in words; `p` is corrected over all that the gate looks at."""

    metric: str
    slice: str
    why: str
    p: float


def read_gate(path: Path) -> Gate:
    """The gate in a TOML file.

    Raises:
        ConfigError: it can't be read, isn't TOML, or has a key that is unknown or a value that can't be.
    """
    try:
        return Gate.model_validate(tomllib.loads(path.read_text("utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ConfigError(
            f"{path}: {where}: {first['msg']}",
            hint='it holds significance, and for each metric, as in [metrics."ndcg@10"]: '
            f"{', '.join(Bound.model_fields)}",
        ) from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"can't read the gate {path}: {error}") from None


def gate_of_all(comparison: Comparison) -> Gate:
    """The gate that no metric may lose by, over all cases; what cases cost is no matter of quality.

    Raises:
        EvalError: there is no metric to look at.
    """
    names = [one.metric for one in comparison.metrics if one.metric not in COST_METRICS]
    if not names:
        raise EvalError("the runs share no metric to lose by", hint="measure both with the same --metrics")
    return Gate(metrics={name: Bound() for name in names})


def check(gate: Gate, comparison: Comparison) -> tuple[Breach, ...]:
    """The bounds that aren't kept.

    Holm's correction is made over what the gate looks at, and over nothing else: a gate on one metric is as
    sharp as one test can be.

    Raises:
        EvalError: the gate names a metric or a slice that the runs don't share.
    """
    looked = [
        (bound, one) for name, bound in gate.metrics.items() for one in _looked_at(name, bound, comparison)
    ]
    corrected = holm([one.p for _, one in looked])
    return tuple(
        breach
        for (bound, one), p in zip(looked, corrected, strict=True)
        for breach in _breaches(bound, one, p, bound.significance or gate.significance)
    )


def _looked_at(name: str, bound: Bound, comparison: Comparison) -> Iterator[Difference]:
    overall = [one for one in comparison.metrics if one.metric == name]
    if not overall:
        known = ", ".join(one.metric for one in comparison.metrics) or "none"
        raise EvalError(f"the gate's metric {name!r} isn't in both runs", hint=f"these are: {known}")
    yield from overall
    sliced = [one for one in comparison.slices if one.metric == name]
    for wanted in bound.slices:
        found = [one for one in sliced if wanted in (one.slice, one.slice.partition("=")[0])]
        if not found:
            known = ", ".join(one.slice for one in sliced) or "none"
            raise EvalError(f"the gate's slice {wanted!r} isn't in both runs", hint=f"these are: {known}")
        yield from found


def _breaches(bound: Bound, one: Difference, p: float, significance: float) -> Iterator[Breach]:
    if p <= significance and -one.gain > bound.max_loss:
        why = (
            f"{one.before:.4f} became {one.after:.4f} ({one.difference:+.4f}, 95 % {one.low:+.4f} to "
            f"{one.high:+.4f}; corrected p {p:.4f}); at most {bound.max_loss:g} may be lost"
        )
        yield Breach(one.metric, one.slice, why, p)
    if one.slice:
        return
    if bound.min_value is not None and one.after < bound.min_value:
        yield Breach(one.metric, one.slice, f"{one.after:.4f} is below {bound.min_value:g}", p)
    if bound.max_value is not None and one.after > bound.max_value:
        yield Breach(one.metric, one.slice, f"{one.after:.4f} is above {bound.max_value:g}", p)
