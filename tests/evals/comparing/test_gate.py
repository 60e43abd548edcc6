from __future__ import annotations

from pathlib import Path

import pytest

from ragent.errors import ConfigError, EvalError
from ragent_evals.comparing import check, compare, read_gate
from ragent_evals.comparing.gate import Gate, gate_of_all
from tests.evals.keeping import kept

A = kept({"f1": [0.5] * 20, "em": [0.25] * 20})


def gate(text: str, folder: Path) -> Gate:
    path = folder / "gate.toml"
    path.write_text(text, "utf-8")
    return read_gate(path)


def test_a_significant_loss_fails_and_a_gain_does_not(tmp_path: Path) -> None:
    bound = gate("[metrics.f1]", tmp_path)
    lost = check(bound, compare(A, kept({"f1": [0.25] * 20})))
    assert [(one.metric, one.slice) for one in lost] == [("f1", "")]
    assert "0.5000 became 0.2500 (-0.2500" in lost[0].why
    assert not check(bound, compare(A, kept({"f1": [0.75] * 20})))


def test_a_loss_within_chance_or_within_bounds_passes(tmp_path: Path) -> None:
    one_case = compare(A, kept({"f1": [0.5] * 19 + [0.0]}))
    assert not check(gate("[metrics.f1]", tmp_path), one_case)
    small = compare(A, kept({"f1": [0.49] * 20}))
    assert check(gate("[metrics.f1]", tmp_path), small)
    assert not check(gate("[metrics.f1]\nmax_loss = 0.02", tmp_path), small)


def test_the_level_is_the_metrics_own_or_the_gates(tmp_path: Path) -> None:
    six = compare(A, kept({"f1": [0.25] * 6 + [0.5] * 14}))
    assert six.metrics[0].p == 2 / 2**6
    assert check(gate("[metrics.f1]", tmp_path), six)
    assert not check(gate("significance = 0.01\n[metrics.f1]", tmp_path), six)
    assert not check(gate("[metrics.f1]\nsignificance = 0.01", tmp_path), six)
    assert check(gate("significance = 0.01\n[metrics.f1]\nsignificance = 0.05", tmp_path), six)


def test_figures_have_bounds_of_their_own(tmp_path: Path) -> None:
    comparison = compare(A, kept({"f1": [0.75] * 20, "em": [0.25] * 20}))
    bound = gate("[metrics.f1]\nmax_value = 0.7\n[metrics.em]\nmin_value = 0.3", tmp_path)
    assert [one.why for one in check(bound, comparison)] == ["0.7500 is above 0.7", "0.2500 is below 0.3"]


def test_bounds_of_figures_are_of_all_cases(tmp_path: Path) -> None:
    comparison = compare(A, kept({"f1": [0.25 if number % 2 else 0.75 for number in range(20)]}))
    bound = gate('[metrics.f1]\nmin_value = 0.5\nmax_loss = 1\nslices = ["source"]', tmp_path)
    assert not check(bound, comparison)


@pytest.mark.parametrize("wanted", ["source", "source=odd"])
def test_slices_are_looked_at_where_they_are_named(tmp_path: Path, wanted: str) -> None:
    odd_lost = [0.25 if number % 2 else 0.75 for number in range(20)]
    comparison = compare(A, kept({"f1": odd_lost}))
    assert not check(gate("[metrics.f1]", tmp_path), comparison)
    lost = check(gate(f'[metrics.f1]\nslices = ["{wanted}"]', tmp_path), comparison)
    assert [one.slice for one in lost] == ["source=odd"]


def test_the_correction_is_over_what_the_gate_looks_at(tmp_path: Path) -> None:
    comparison = compare(A, kept({"f1": [0.25] * 6 + [0.5] * 14, "em": [0.25] * 20}))
    assert comparison.metrics[0].corrected_p == 2 * comparison.metrics[0].p == 4 / 2**6
    assert check(gate("[metrics.f1]", tmp_path), comparison)[0].p == 2 / 2**6
    assert not check(gate_of_all(comparison), comparison)


@pytest.mark.parametrize(
    "text",
    [
        "[metrics.f1]\nmaxloss = 0.1",
        "level = 0.05\n[metrics.f1]",
        "[metrics.f1]\nmax_loss = -1",
        "[metrics.f1]\nsignificance = 2",
        "[metrics]",
        "significance = 0.05",
        "[metrics.f1",
    ],
)
def test_what_is_no_gate_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"gate\.toml"):
        gate(text, tmp_path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't read the gate"):
        read_gate(tmp_path / "none.toml")


def test_what_the_runs_do_not_share_can_not_be_gated(tmp_path: Path) -> None:
    comparison = compare(A, kept({"f1": [0.5] * 20}))
    with pytest.raises(EvalError, match="metric 'em' isn't in both runs"):
        check(gate("[metrics.em]", tmp_path), comparison)
    with pytest.raises(EvalError, match="slice 'kind' isn't in both runs"):
        check(gate('[metrics.f1]\nslices = ["kind"]', tmp_path), comparison)
