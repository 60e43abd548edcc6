"""The network to a model's server is cut, after any byte of what it says: reset, ended, or silent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from ragent.config import EmbedderSettings, LLMSettings
from ragent.embedding.served.embedder import ServedEmbedder
from ragent.errors import ServerError
from ragent.llm.openai import ServedModel, open_openai
from ragent.prompts import load_prompt
from ragent.rag.answering import Answerer
from ragent.served import Retries
from ragent.store import Store
from ragent.types import Answer, Delta, Message, Sampling, SearchOptions
from tests.embedding.conftest import word_tokenizer
from tests.embedding.words import WELL, listing
from tests.faults.cutting import WAYS, Proxy, Way, cutting
from tests.faults.harness import ROUNDS, Outcome, Record, patiently, survive
from tests.faults.scenes import (
    Ledger,
    Place,
    bring_in,
    check,
    check_end,
    copy_home,
    searcher,
    write_first,
)
from tests.making import FINGERPRINT, HashedWords, new_document
from tests.model_server import llama_server
from tests.served.wire import streamed, wired, words

pytestmark = pytest.mark.slow

__all__ = ["word_tokenizer"]

TEXT = "The crane lifts 40 tonnes. It was built by Halvorsen in 1962."
SAID = [f"{word} " for word in (TEXT + " So it lifts 40 tonnes, as Halvorsen built it, and no more.").split()]
SILENT_SECONDS = 1.0


def model_at(url: str, seconds: float = SILENT_SECONDS) -> LLMSettings:
    return LLMSettings(url=url, n_ctx=512, seconds=seconds, breaker_failures=10**6)


def test_cut_streams_never_pass_for_whole_ones(record_property: Record) -> None:
    with wired(models=listing(), chat=streamed(*words(*SAID))) as wire, cutting(wire.url) as proxy:
        model = open_openai(model_at(proxy.url), retries=Retries(3, 0.01))
        survive("network cut in mid-stream (chat)", record_property, chat_strike(proxy, model, WAYS))


def test_nor_do_those_of_a_real_server(record_property: Record) -> None:
    with llama_server() as url, cutting(url) as proxy:
        # It may think for a while before its first word, so silence tells nothing here.
        model = open_openai(model_at(proxy.url, 30), retries=Retries(3, 0.01))
        strike = chat_strike(proxy, model, ("reset", "end"))
        survive("network cut in mid-stream (real model)", record_property, strike, min(ROUNDS, 10))


def chat_strike(proxy: Proxy, model: ServedModel, ways: Sequence[Way]) -> Callable[[int, float], Outcome]:
    """A round in which a stream is cut, and what must hold then."""

    def stream() -> Iterator[Delta]:
        asked = [Message("user", "How much does the crane lift?")]
        return model.stream(asked, Sampling(temperature=0.0, max_tokens=12, repeat_penalty=1.0))

    def to_its_end() -> list[str]:
        return patiently(lambda: texts(stream()), ServerError)

    whole = to_its_end()
    proxy.cut_after(10**9, "end")
    assert to_its_end() == whole
    length = proxy.passed

    def strike(number: int, moment: float) -> Outcome:
        proxy.cut_after(int(moment * length), ways[number % len(ways)])
        got: list[Delta] = []
        problems = []
        try:
            got.extend(stream())
            hit = "asked again before the first word" if proxy.was_cut else ""
            if texts(got) != whole or not got[-1].finish_reason:
                problems.append(f"{len(got)} pieces pass for all {len(whole)}")
        except ServerError as error:
            hit = "told in mid-stream" if got else "told before the first word"
            if any(delta.finish_reason for delta in got) or texts(got) != whole[: len(got)]:
                problems.append(f"{error}, after {got}")
        except Exception as error:
            hit = "another error"
            problems.append(f"it raised {error!r}")
        proxy.mend()
        if to_its_end() != whole:
            problems.append("it doesn't go on")
        return Outcome(hit, tuple(problems))

    return strike


def texts(deltas: Iterable[Delta]) -> list[str]:
    return [delta.text for delta in deltas]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "home") as opened:
        collection = opened.ensure_collection("default", FINGERPRINT)
        opened.write(collection, [new_document("file:///crane", [TEXT])])
        yield opened


def test_half_an_answer_is_none(store: Store, record_property: Record) -> None:
    with wired(models=listing(), chat=streamed(*words(*SAID))) as wire, cutting(wire.url) as proxy:
        model = open_openai(model_at(proxy.url), retries=Retries(1, 0.01))
        answerer = Answerer(
            store=store,
            retriever=searcher(store),
            llm=model,
            template=load_prompt("answer"),
            embedder=HashedWords(),
            sampling=Sampling(max_tokens=64),
            min_relevance=0.0,
            focus_tokens=256,
            style="draft",
        )

        def ask() -> Answer:
            *_, answer = answerer.stream("How much does the crane lift?", 6, SearchOptions())
            assert isinstance(answer, Answer)
            return answer

        whole = patiently(ask, ServerError)
        assert not whole.abstained
        proxy.cut_after(10**9, "end")
        patiently(ask, ServerError)
        length = proxy.passed

        def strike(number: int, moment: float) -> Outcome:
            proxy.cut_after(int(moment * length), WAYS[number % len(WAYS)])
            problems = []
            try:
                answer = ask()
                hit = "asked again" if proxy.was_cut else ""
                if (answer.text, answer.citations) != (whole.text, whole.citations):
                    problems.append(f"it answers {answer.text!r}")
            except ServerError:
                hit = "told"
            except Exception as error:
                hit = "another error"
                problems.append(f"it raised {error!r}")
            proxy.mend()
            if patiently(ask, ServerError).text != whole.text:
                problems.append("it doesn't go on")
            return Outcome(hit, tuple(problems))

        survive("network cut in mid-stream (answer)", record_property, strike)


def test_cut_embeddings_are_asked_for_again(
    tmp_path: Path, word_tokenizer: Path, record_property: Record
) -> None:
    scene = write_first(tmp_path / "documents")
    place = Place(tmp_path / "home", scene.documents)
    ledger = Ledger(tmp_path / "ledger")
    with (
        wired(models=listing(), embeddings=WELL) as wire,
        cutting(wire.url) as proxy,
    ):

        def embedder(attempts: int) -> ServedEmbedder:
            settings = EmbedderSettings(
                url=proxy.url,
                seconds=SILENT_SECONDS,
                tokenizer=str(word_tokenizer),
                max_tokens=64,
                breaker_failures=10**6,
            )
            return ServedEmbedder(settings, retries=Retries(attempts, 0.01))

        proxy.cut_after(10**9, "end")
        patiently(lambda: bring_in(place, embedder=embedder(1)), ServerError)
        assert check_end(place, scene) == []
        length = proxy.passed

        def strike(number: int, moment: float) -> Outcome:
            copy_home(None, place.home)
            proxy.cut_after(int(moment * length), WAYS[number % len(WAYS)])
            problems = []
            try:
                bring_in(place, ledger.note, embedder(1 + number % 2))
                hit = "asked again" if proxy.was_cut else ""
            except ServerError:
                hit = "told"
            except Exception as error:
                hit = "another error"
                problems.append(f"it raised {error!r}")
            proxy.mend()
            problems += check(place, scene, ledger.take())
            patiently(lambda: bring_in(place, embedder=embedder(1)), ServerError)
            problems += check_end(place, scene)
            return Outcome(hit, tuple(problems))

        survive("network cut to the server of embeddings", record_property, strike)
