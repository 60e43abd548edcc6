"""What a server answered, checked and made unit vectors of."""

from __future__ import annotations

from typing import Any

import numpy as np

from ragent.errors import ServerError
from ragent.protocols import Vectors
from ragent.served import Endpoint


def unit_vectors(endpoint: Endpoint, answer: Any, count: int, dimension: int = 0) -> tuple[Vectors, bool]:
    """Unit vectors of shape (count, dimension), and whether they are means of vectors for each token.

    llama-cpp-python answers with one for each token where a model does no pooling: their mean is taken.

    Args:
        endpoint: who answered, for messages.
        answer: a list of numbers for each text, or a list of such lists.
        count: of the texts.
        dimension: that of the other vectors; 0: any.

    Raises:
        ServerError: there are more or fewer, they have another dimension, or one has no direction.
    """
    if not isinstance(answer, list) or len(answer) != count:
        raise _wrong(
            endpoint, f"{len(answer) if isinstance(answer, list) else 'no'} vectors for {count} texts"
        )
    is_a_token_each = bool(answer) and _depth(answer[0]) == 2
    try:
        rows = [np.asarray(one, dtype=np.float64) for one in answer]
        if is_a_token_each:
            rows = [one.mean(axis=0) for one in rows]
        vectors = np.stack(rows)
    except (TypeError, ValueError, OverflowError):
        raise _wrong(endpoint, "something else than vectors of one dimension") from None
    if vectors.ndim != 2 or vectors.shape[1] == 0 or (dimension and vectors.shape[1] != dimension):
        expected = f" where {dimension} are expected" if dimension else ""
        raise _wrong(endpoint, f"vectors of {vectors.shape[-1]} dimensions{expected}")
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.isfinite(lengths).all():
        raise _wrong(endpoint, "a vector with a number that is none (NaN or infinite)")
    if not (lengths > 0).all():
        raise _wrong(endpoint, "a vector of nothing but zeros")
    return (vectors / lengths).astype(np.float32), is_a_token_each


def _depth(value: Any) -> int:
    depth = 0
    while isinstance(value, list):
        depth += 1
        value = value[0] if value else None
    return depth


def _wrong(endpoint: Endpoint, what: str) -> ServerError:
    return ServerError(
        f"the server at {endpoint.url} answers with {what}",
        hint="see whether it serves an embedding model, and whether it is well",
        begun=True,
    )
