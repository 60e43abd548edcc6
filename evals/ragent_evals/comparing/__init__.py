"""Whether one run is better than another: paired, with intervals, corrected for how often one looked."""

from ragent_evals.comparing.comparison import Changed, Comparison, CostRatio, Difference
from ragent_evals.comparing.gate import Breach, Gate, check, read_gate
from ragent_evals.comparing.pairs import compare

__all__ = [
    "Breach",
    "Changed",
    "Comparison",
    "CostRatio",
    "Difference",
    "Gate",
    "check",
    "compare",
    "read_gate",
]
