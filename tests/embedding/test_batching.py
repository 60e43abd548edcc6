from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ragent.embedding.batching import batches


@given(
    lengths=st.lists(st.integers(1, 40), max_size=30),
    tokens=st.integers(1, 100),
)
def test_every_text_once_whole_and_masked(lengths: list[int], tokens: int) -> None:
    ids = [[row + 1] * length for row, length in enumerate(lengths)]
    seen = []
    for batch in batches(ids, tokens=tokens):
        assert batch.ids.shape == batch.mask.shape
        assert batch.ids.shape[1] == max(lengths[row] for row in batch.rows)
        assert len(batch.rows) == 1 or batch.ids.size <= tokens
        np.testing.assert_array_equal(batch.mask, batch.ids != 0)
        for row, line in zip(batch.rows.tolist(), batch.ids, strict=True):
            assert line[: lengths[row]].tolist() == ids[row]
            assert not line[lengths[row] :].any()
            seen.append(row)
    assert sorted(seen) == list(range(len(ids)))
