"""Layouts of others: their lines as cases of ours. Each reader adds the texts that its lines bring along."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import xxhash

from ragent_evals.sets.case import Case, Passage, Text
from ragent_evals.sets.lines import DEFAULT_PROMPT

_GIVEN = 5
_GIVEN_RIGHT = 2
_MOST_ANSWERS = 16


class Reader(Protocol):
    """Makes cases of one object, and adds the texts that they need to `texts`.

    It raises KeyError, TypeError, ValueError, IndexError or AttributeError for an object of another form.
    """

    def __call__(self, said: Mapping[str, Any], number: int, texts: dict[str, Text]) -> Iterator[Case]: ...


@dataclass(frozen=True, slots=True)
class Layout:
    """A layout, known by keys that its objects have, and whether they bring their texts with them."""

    name: str
    keys: frozenset[str]
    read: Reader
    brings_texts: bool = False


def read_squad(said: Mapping[str, Any], number: int, texts: dict[str, Text]) -> Iterator[Case]:
    """An article of SQuAD 1 or 2 (Rajpurkar et al. 2016, arXiv:1606.05250; 2018, arXiv:1806.03822)."""
    title = said.get("title", "")
    for paragraph in said["paragraphs"]:
        text_id = f"p{len(texts)}"
        texts[text_id] = Text(title, paragraph["context"])
        for qa in paragraph["qas"]:
            answers = {each["text"]: each["answer_start"] for each in reversed(qa.get("answers", []))}
            spans = [Passage(text_id, a, start, start + len(a)) for a, start in reversed(answers.items())]
            impossible = bool(qa.get("is_impossible", False))
            yield Case(
                id=str(qa["id"]),
                kind="answer",
                question=qa["question"],
                answers=tuple(each.quote for each in spans),
                is_impossible=impossible,
                relevant={text_id: 0 if impossible else 1},
                passages=tuple(spans),
            )


def read_flat_squad(said: Mapping[str, Any], number: int, texts: dict[str, Text]) -> Iterator[Case]:
    """A question of SQuAD 1 or 2 with its paragraph, one a line, as data set hubs have it."""
    text_id = xxhash.xxh3_64_hexdigest(said["context"].encode())
    texts[text_id] = Text(said.get("title", ""), said["context"])
    found = dict(
        zip(reversed(said["answers"]["text"]), reversed(said["answers"]["answer_start"]), strict=True)
    )
    spans = [Passage(text_id, answer, at, at + len(answer)) for answer, at in reversed(found.items())]
    yield Case(
        id=str(said["id"]),
        kind="answer",
        question=said["question"],
        answers=tuple(each.quote for each in spans),
        is_impossible=not spans,
        relevant={text_id: 1 if spans else 0},
        passages=tuple(spans),
    )


def read_hotpot(said: Mapping[str, Any], number: int, texts: dict[str, Text]) -> Iterator[Case]:
    """A question of HotpotQA (Yang et al. 2018, arXiv:1809.09600), or of a set in its layout.

    Paragraphs of all questions are one corpus; those of the same title and words are one text.
    """
    ids, begins = {}, {}
    for title, sentences in _pairs(said["context"], "sentences"):
        parts = [sentence.strip() for sentence in sentences]
        starts = itertools.accumulate((len(part) + 1 for part in parts[:-1]), initial=0)
        ids[title] = _keep(texts, title, " ".join(parts))
        begins[title] = list(zip(starts, parts, strict=False))
    facts = [(title, place) for title, place in _pairs(said["supporting_facts"], "sent_id") if title in ids]
    passages = [
        Passage(ids[title], part, start, start + len(part))
        for title, place in facts
        if place < len(begins[title])
        for start, part in [begins[title][place]]
        if part
    ]
    yield Case(
        id=str(said.get("_id", said.get("id", number))),
        kind="answer",
        question=said["question"],
        answers=(said["answer"],),
        relevant=dict.fromkeys((ids[title] for title, _ in facts), 1),
        passages=tuple(passages),
        slices={name: str(said[name]) for name in ("type", "level") if said.get(name)},
    )


def read_rgb(said: Mapping[str, Any], number: int, texts: dict[str, Text]) -> Iterator[Case]:
    """A question of RGB (Chen et al. 2023, arXiv:2309.01431), once for each ability that it can try.

    The model is given five passages: `clean`, all right ones; `noise`, two right and three that don't answer;
    `rejection`, none that answers, so that silence is right; `counterfactual`, none but with a wrong answer
    in place of the right one, which the model should not repeat.
    """
    id_ = str(said.get("id", number))
    right, wrong = _flat(said["positive"]), _flat(said["negative"])
    false = _flat(said.get("positive_wrong") or [])
    noisy = _mixed(right[:_GIVEN_RIGHT] + wrong[: _GIVEN - _GIVEN_RIGHT], id_)
    ways = {"clean": right, "noise": noisy, "rejection": wrong, "counterfactual": false}
    for way, passages in ways.items():
        needs_wrong = way in ("noise", "rejection")
        if not passages or (needs_wrong and not wrong) or (way == "noise" and not right):
            continue
        ids = tuple(_keep(texts, "", passage, f"{id_}-") for passage in passages[:_GIVEN])
        silent = way == "rejection"
        yield Case(
            id=f"{id_}-{way}",
            kind="answer",
            question=said["query"],
            answers=() if silent else _alternatives(said["answer"]),
            is_impossible=silent,
            given=ids,
            slices={"ability": way},
        )


def read_calls(said: Mapping[str, Any], number: int, texts: dict[str, Text]) -> Iterator[Case]:
    """A request of the Berkeley function-calling leaderboard, one turn.

    Without `ground_truth` no call is right, which must show in the id, as in `irrelevance_3`.
    """
    id_ = str(said["id"])
    (messages,) = said["question"]
    (request,) = (each["content"] for each in messages if each["role"] == "user")
    if "ground_truth" not in said and "irrelevance" not in id_:
        raise KeyError("ground_truth")
    for function in said["function"]:
        function["name"], function["parameters"]["type"]
    yield Case(
        id=id_,
        kind="tools",
        question=request,
        functions=tuple(said["function"]),
        calls=tuple(said.get("ground_truth", ())),
    )


def read_schema(said: Mapping[str, Any], number: int, texts: dict[str, Text]) -> Iterator[Case]:
    """A JSON Schema with whatever else there is: a prompt, instances that are valid or not, a split."""
    yield Case(
        id=str(said.get("id") or f"{said.get('file', 'schema')}-{number}"),
        kind="schema",
        question=said.get("prompt") or said.get("question") or DEFAULT_PROMPT,
        schema=said["schema"],
        split=str(said.get("split", "")),
    )


def read_references(said: Mapping[str, Any], number: int, texts: dict[str, Text]) -> Iterator[Case]:
    """A question of Chroma's chunking evaluation, with the passages that answer it and their offsets."""
    corpus = said["corpus_id"]
    yield Case(
        id=str(said.get("_id", number)),
        kind="retrieval",
        question=said["question"],
        relevant={corpus: 1},
        passages=tuple(
            Passage(corpus, each["content"], each["start_index"], each["end_index"])
            for each in said["references"]
        ),
    )


LAYOUTS = (
    Layout("HotpotQA", frozenset({"question", "answer", "context", "supporting_facts"}), read_hotpot, True),
    Layout("SQuAD, flat", frozenset({"id", "question", "context", "answers"}), read_flat_squad, True),
    Layout("RGB", frozenset({"query", "answer", "positive", "negative"}), read_rgb, True),
    Layout("Berkeley function calling", frozenset({"id", "question", "function"}), read_calls),
    Layout("chunking evaluation", frozenset({"question", "corpus_id", "references"}), read_references),
    Layout("schemas", frozenset({"schema"}), read_schema),
)
SQUAD = Layout("SQuAD", frozenset({"paragraphs"}), read_squad, True)


def _pairs(listed: Any, other: str) -> list[tuple[Any, Any]]:
    """Pairs of a title and something, which data set hubs have as two lists."""
    if isinstance(listed, dict):
        return list(zip(listed["title"], listed[other], strict=True))
    return [(title, each) for title, each in listed]


def _keep(texts: dict[str, Text], title: str, text: str, prefix: str = "") -> str:
    """The id of a text: its title, or a number of its own where it has none or another has the same."""
    kept = Text(title, text)
    id_ = title or f"{prefix}{xxhash.xxh3_64_hexdigest(text.encode())}"
    for number in itertools.count(2):
        if texts.setdefault(id_, kept) == kept:
            return id_
        id_ = f"{title} ({number})"
    raise AssertionError("counting never ends")


def _flat(passages: list[Any]) -> list[str]:
    """Of a question with several parts, the first passage of each part."""
    return [each[0] if isinstance(each, list) else each for each in passages if each]


def _mixed(passages: list[str], seed: str) -> list[str]:
    """In an order of their own for each question: where the right ones stand must tell nothing."""
    return sorted(passages, key=lambda passage: xxhash.xxh3_64_intdigest(f"{seed}\n{passage}".encode()))


def _alternatives(answer: Any) -> tuple[str, ...]:
    """Of parts, all of which are needed, each with its alternatives: the ways to say them all."""
    parts = [part if isinstance(part, list) else [part] for part in _listed(answer)]
    ways = itertools.islice(itertools.product(*parts), _MOST_ANSWERS)
    return tuple(dict.fromkeys(", ".join(map(str, way)) for way in ways))


def _listed(answer: Any) -> list[Any]:
    return answer if isinstance(answer, list) else [answer]
