"""Whether one run is better than another: paired, with intervals, corrected for how often one looked."""

from ragent_evals.comparing.comparison import Changed, Comparison, CostRatio, Difference
from ragent_evals.comparing.gate import Breach, Gate, check, gate_of_all, read_gate
from ragent_evals.comparing.pairs import compare
from ragent_evals.comparing.whole import shared_set_metrics

__all__ = [
    "Breach",
    "Changed",
    "Comparison",
    "CostRatio",
    "Difference",
    "Gate",
    "check",
    "compare",
    "gate_of_all",
    "read_gate",
    "shared_set_metrics",
]
