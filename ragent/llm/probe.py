"""`python -m ragent.llm.probe NAME`: make one engine do a little real work, and print what it is.

Run in a process of its own by `ragent.llm.doctor`, since a native library that fails takes its process along.
Each probe imports nothing but its own engine.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import version

_PASSAGE = (
    "The harbour office opens at seven, and the ferry to the island leaves every second hour until dusk. "
)


def _llamacpp() -> str:
    """Reads more than 64 tokens, so that the kernels for batches are used, then writes a few, one by one."""
    from ragent.config import LLMSettings
    from ragent.llm.llamacpp import open_llamacpp
    from ragent.types import Message, Sampling

    engine = open_llamacpp(LLMSettings(n_ctx=1024))
    question = Message("user", _PASSAGE * 6 + "When does the harbour office open?")
    usage = [delta.usage for delta in engine.stream([question], Sampling(max_tokens=8))][-1]
    read, written = (usage.prompt_tokens, usage.completion_tokens) if usage else (0, 0)
    engine_version = version("llama-cpp-python")
    return f"llama-cpp-python {engine_version} with {engine.name}: read {read} tokens, wrote {written}"


def _openvino() -> str:
    import numpy as np

    from ragent.offline import import_openvino

    openvino, op = import_openvino()
    left, right = np.ones((64, 384), np.float32), op.parameter([384, 64], np.float32)
    model = openvino.Model([op.matmul(op.constant(left), right, False, False)], [right], "probe")
    result = openvino.Core().compile_model(model, "CPU")([np.ones((384, 64), np.float32)])[0]
    _check(bool(np.allclose(result, 384, rtol=0.01)), "a matrix product came out wrong")
    return f"openvino {openvino.__version__}"


def _faiss() -> str:
    import faiss
    import numpy as np

    vectors = np.eye(64, dtype=np.float32)
    index = faiss.IndexHNSWFlat(64, 16, faiss.METRIC_INNER_PRODUCT)
    index.add(vectors)
    _check(index.search(vectors[7:8], 1)[1][0, 0] == 7, "a search found the wrong vector")
    return f"faiss {faiss.__version__}"


def _tantivy() -> str:
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_text_field("text", stored=True)
    index = tantivy.Index(builder.build())
    writer = index.writer(15_000_000, 1)
    writer.add_document(tantivy.Document(text=_PASSAGE))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    found = index.searcher().search(index.parse_query("ferry", ["text"]), 1)
    _check(len(found.hits) == 1, "a search found nothing")
    return f"tantivy {version('tantivy')}"


def _sentence_transformers() -> str:
    import sentence_transformers
    import torch

    _check(float((torch.ones(64, 64) @ torch.ones(64, 64)).mean()) == 64.0, "a matrix product came out wrong")
    return f"sentence-transformers {sentence_transformers.__version__}, torch {torch.__version__}"


def _sqlite() -> str:
    import sqlite3

    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE TABLE probe (n INTEGER, v TEXT)")
        database.execute("INSERT INTO probe VALUES (1, json('{}')) RETURNING n").fetchall()
    return f"SQLite {sqlite3.sqlite_version}"


PROBES: dict[str, Callable[[], str]] = {
    "llamacpp": _llamacpp,
    "openvino": _openvino,
    "faiss": _faiss,
    "tantivy": _tantivy,
    "sentence-transformers": _sentence_transformers,
    "sqlite": _sqlite,
}


def _check(condition: bool, problem: str) -> None:
    if not condition:
        raise RuntimeError(problem)


if __name__ == "__main__":
    print(PROBES[sys.argv[1]]())  # noqa: T201  what this module is for
