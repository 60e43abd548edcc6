from __future__ import annotations

from ragent.config import load_settings
from ragent.rag.reaching import reach_servers
from tests.embedding.words import WELL, listing
from tests.served.wire import computed, wired


def test_each_server_is_asked() -> None:
    assert list(reach_servers(load_settings())) == []
    with wired(models=listing("vllm", max_model_len=2000)) as good, wired(embeddings=WELL) as embeds:
        with wired() as gone:
            pass
        embeds.acts |= {
            "/v1/models": [listing("vllm", max_model_len=512)],
            "/tokenize": [computed(lambda body: {"token_strs": body["prompt"].split()})],
        }
        settings = load_settings(
            None, llm={"url": [good.url, gone.url]}, embedder={"url": [embeds.url, good.url]}
        )
        one, two, three, four = reach_servers(settings)
        assert (one.name, one.ok) == (f"llm {good.url}", True)
        assert one.detail == "has words, with 2000 tokens of context"
        assert not two.ok
        assert "can't reach" in two.detail
        assert "[llm] url" in two.fix
        assert three.detail == "has words: 16 dimensions, reads 512 tokens"
        assert (four.name, four.ok) == (f"embedder {good.url}", False)
        assert "404" in four.detail
