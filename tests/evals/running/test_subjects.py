"""Cases put to ragent itself, over a set's own texts; where a model writes, it writes little."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ragent import Rag
from ragent_evals import Case, EvalSet, KeptRun, RunOptions, read_kept, run_set
from ragent_evals.sets.case import Passage, Text, Turn
from tests.evals.running.making import TEXTS

FUNCTIONS = (
    {
        "name": "math.factorial",
        "description": "Calculate the factorial of a given number.",
        "parameters": {
            "type": "dict",
            "properties": {"number": {"type": "integer", "description": "The number."}},
            "required": ["number"],
        },
    },
)


@pytest.fixture(scope="module")
def rag(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rag]:
    home = tmp_path_factory.mktemp("home")
    llm = {"threads": 1, "n_ctx": 2048, "max_tokens": 16}
    with Rag.open(home, ask={"style": "extract"}, llm=llm, embedder={"threads": 1}) as opened:
        yield opened


def kept(rag: Rag, *cases: Case, texts: dict[str, Text] | None = None) -> KeptRun:
    texts = TEXTS if texts is None else texts
    version = str([case.id for case in cases])
    report = run_set(rag, EvalSet("tiny", cases, texts, version, "c" if texts else ""), RunOptions(depth=5))
    assert report.errors == 0
    return read_kept(rag.store, report.run)


def test_a_search_finds_the_set_s_own_texts(rag: Rag) -> None:
    passages = (Passage("p1", "at dawn", 24, 31),)
    run = kept(
        rag,
        Case("texts", "retrieval", "who approves refunds", relevant={"p0": 1}),
        Case("passages", "retrieval", "when do boats leave the harbour", passages=passages),
    )
    assert run.collection.startswith("set-")
    texts, found = run.outcomes
    assert texts.found[0].text_id == "p0"
    assert len({each.text_id for each in texts.found}) == len(texts.found)
    first = found.found[0]
    assert (first.text_id, TEXTS["p1"].text[first.start : first.end]) == ("p1", first.text)
    assert run.metrics["mrr@10"].value == 1.0
    assert run.configuration["settings"]["retrieval"]["mode"] == "hybrid"
    assert "llm" not in run.configuration["settings"]
    assert str(rag.home) not in str(run.configuration)


def test_quotes_are_checked_against_the_text_that_they_name(rag: Rag) -> None:
    run = kept(rag, Case("refund", "answer", "Who approves refunds over 500 EUR?", answers=("a manager",)))
    (outcome,) = run.outcomes
    (quote,) = outcome.quotes
    assert quote.is_verbatim
    assert quote.quote == TEXTS["p0"].text[quote.start : quote.end]
    assert outcome.text.startswith(quote.quote)
    assert outcome.cost.seconds > 0


def test_a_case_is_asked_over_the_texts_it_gives_in_their_order(rag: Rag) -> None:
    question = "Who approves refunds over 500 EUR?"
    run = kept(
        rag,
        Case("without", "answer", question, given=("p2", "p1"), is_impossible=True),
        Case("last", "answer", question, given=("p2", "p1", "p0")),
    )
    without, last = run.outcomes
    assert [each.text_id for each in without.found] == ["p2", "p1"]
    assert [each.text_id for each in last.found] == ["p2", "p1", "p0"]
    assert last.quotes[0].text_id == "p0"


def test_a_text_that_is_not_there_is_the_case_s_error(rag: Rag) -> None:
    case = Case("gone", "answer", "Who?", given=("nowhere",))
    report = run_set(rag, EvalSet("tiny", (case,), TEXTS, "gone", "c"))
    assert report.errors == 1
    assert "no text 'nowhere'" in read_kept(rag.store, report.run).outcomes[0].error


def test_turns_are_asked_one_after_the_other(rag: Rag) -> None:
    turns = (Turn("Where do cats sleep?", ("on warm roofs",)), Turn("Who approves refunds over 500 EUR?"))
    (outcome,) = kept(rag, Case("talk", "turns", turns[-1].question, turns=turns)).outcomes
    assert [turn.case_id for turn in outcome.turns] == ["talk#1", "talk#2"]
    assert [turn.quotes[0].text_id for turn in outcome.turns] == ["p2", "p0"]
    assert outcome.text == outcome.turns[1].text
    assert outcome.cost.seconds == pytest.approx(sum(turn.cost.seconds for turn in outcome.turns))


def test_a_model_writes_values_and_calls(rag: Rag) -> None:
    calls = ({"math.factorial": {"number": [5]}},)
    run = kept(
        rag,
        Case("value", "schema", "", schema={"enum": ["yes", "no"]}),
        Case("call", "tools", "Calculate the factorial of 5.", functions=FUNCTIONS, calls=calls),
        texts={},
    )
    value, call = run.outcomes
    assert value.value in ("yes", "no")
    assert value.signals["attempts"] == 1
    assert [each["name"] for each in call.calls] == ["math.factorial"]
    assert set(call.calls[0]["arguments"]) == {"number"}
    assert run.configuration["model"]["name"] == "smollm2-135m"


def test_forgetting_a_document_of_the_collection_in_use_takes_its_words(rag: Rag, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("The quaint trawler was moored by the boatswain at noon.")
    rag.ingest(tmp_path / "note.txt")
    case = Case("note", "answer", "Who moored the quaint trawler?", answers=("the boatswain",))
    run = kept(rag, case, texts={})
    assert "quaint trawler" in run.outcomes[0].text
    assert rag.forget(tmp_path / "note.txt").proof.found == ()
    emptied = read_kept(rag.store, run.id)
    assert (emptied.outcomes[0].text, emptied.outcomes[0].found, emptied.cases[0].question) == ("", (), "")
    assert emptied.values == run.values
