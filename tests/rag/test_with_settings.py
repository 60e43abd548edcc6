from __future__ import annotations

from pathlib import Path

from ragent import Rag


def test_what_other_settings_leave_alone_is_shared(tmp_path: Path) -> None:
    with Rag.open(tmp_path / "home", llm={"threads": 1, "n_ctx": 512}, embedder={"threads": 1}) as rag:
        llm = rag.settings.llm.model_copy(update={"seed": 7, "temperature": 0.5})
        changed = rag.settings.model_copy(update={"collection": "other", "llm": llm})
        with rag.with_settings(changed) as other:
            assert other.settings.collection == "other"
            assert (other.store is rag.store, other.embedder is rag.embedder) == (True, True)
            assert other.llm is rag.llm
        embedder = rag.settings.embedder.model_copy(update={"query_prefix": "query: "})
        with rag.with_settings(rag.settings.model_copy(update={"embedder": embedder})) as other:
            assert other.embedder is not rag.embedder
        assert rag.store.collections() == []


def test_only_what_an_answer_is_sampled_with_leaves_the_model_open(tmp_path: Path) -> None:
    llm = Rag.open(tmp_path).settings.llm
    assert llm.model_copy(update={"max_tokens": 3, "timeout_s": 1.0}).opened == llm.opened
    for changed in ({"model": "other"}, {"n_ctx": 64}, {"url": "http://127.0.0.1:1/v1"}, {"kv_type": "q8_0"}):
        assert llm.model_copy(update=changed).opened != llm.opened
