from __future__ import annotations

from pathlib import Path

from ragent import Rag
from ragent.agent.memory import Facts
from tests.cli.conftest import Ragent


def test_facts_are_listed_and_forgotten(tmp_path: Path, ragent: Ragent) -> None:
    assert ragent("agent", "memory", "list", "--json").json == []
    with Rag.open(tmp_path / "home") as rag:
        kept = Facts(rag).remember("The user's daughter can't eat peanuts.", tainted=True)
    (listed,) = ragent("agent", "memory", "list", "--json").json
    assert (listed["id"], listed["text"], listed["tainted"]) == (kept.id, kept.text, True)
    assert "(tainted)" in ragent("agent", "memory", "list").out
    gone = ragent("agent", "memory", "forget", kept.id, "--json")
    assert (gone.code, gone.json["found"]) == (0, [])
    assert ragent("agent", "memory", "forget", kept.id).code == 1
    assert ragent("agent", "memory", "list").out == ""
