"""Vectors in lists around centres, of which a search looks into the nearest; one bit a dimension in them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import faiss

from ragent.config import IndexSettings
from ragent.index.engine import Mask, selector
from ragent.index.rescored import Asking

_LISTS_A_ROOT = 2
_LEAST_A_LIST = 8


@dataclass(frozen=True, slots=True)
class Lists:
    """FAISS IndexIVFRaBitQFastScan."""

    settings: IndexSettings
    kind: str = "ivf"

    def make(self, dimension: int, count: int) -> Any:
        """An index that is to find its centres by k-means."""
        lists = max(1, min(count // _LEAST_A_LIST, round(_LISTS_A_ROOT * math.sqrt(count))))
        centres = faiss.IndexFlatIP(dimension)
        index = faiss.IndexIVFRaBitQFastScan(centres, dimension, lists, faiss.METRIC_INNER_PRODUCT)
        index.own_fields = True
        centres.this.disown()
        index.cp.spherical = True
        index.cp.min_points_per_centroid = 1
        return index

    def ask(self, base: Any, k: int, mask: Mask | None) -> Asking | None:
        """Look into a share of the lists; all of them where few vectors may be found."""
        allowed = base.ntotal if mask is None else int(mask.sum())
        candidates = min(base.ntotal, max(self.settings.rabitq_candidates, 4 * k))
        if allowed <= candidates:
            return None
        probes = math.ceil(self.settings.ivf_probes * base.nlist * base.ntotal / allowed)
        chosen = None if mask is None else selector(mask)
        parameters = faiss.IVFRaBitQSearchParameters(sel=chosen, nprobe=min(base.nlist, probes))
        return Asking(candidates, parameters)
