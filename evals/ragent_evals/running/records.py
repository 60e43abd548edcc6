"""Cases and outcomes as the database keeps them: JSON by field names, without what is empty.

Of a passage and of a verbatim quote only the address and a hash are kept: the words are read where they
stand, in the document, as long as they still stand there.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from struct import pack, unpack
from typing import Any

import xxhash

from ragent_evals.outcome import Cost, Found, Outcome, Quoted
from ragent_evals.sets.case import Case, Passage, Turn

ReadText = Callable[[str], str | None]
"""The text that a text's id stands for, None if it is gone."""


def case_json(case: Case) -> dict[str, Any]:
    """A case as JSON values."""
    kept = {name: value for name in _CASE if (value := getattr(case, name)) or name in _ALWAYS}
    for name in ("passages", "turns"):
        if name in kept:
            kept[name] = [asdict(part) for part in kept[name]]
    return kept


def case_from(kept: Mapping[str, Any]) -> Case:
    """The case that was kept."""
    parts: dict[str, Any] = {**kept}
    parts["passages"] = tuple(Passage(**each) for each in kept.get("passages", ()))
    parts["turns"] = tuple(
        Turn(**(each | {"answers": tuple(each["answers"])})) for each in kept.get("turns", ())
    )
    for name in ("answers", "given", "functions", "calls"):
        parts[name] = tuple(kept.get(name, ()))
    return Case(**parts)


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    """An outcome as JSON values."""
    kept = {name: value for name in _PLAIN if (value := getattr(outcome, name))}
    kept["case_id"] = outcome.case_id
    for name in ("support", "value"):
        if (value := getattr(outcome, name)) is not None:
            kept[name] = value
    if outcome.calls:
        kept["calls"] = list(outcome.calls)
    if outcome.found:
        kept["found"] = _found_json(outcome.found)
    if outcome.quotes:
        kept["quotes"] = [_quoted_json(each) for each in outcome.quotes]
    if outcome.turns:
        kept["turns"] = [outcome_json(each) for each in outcome.turns]
    kept["cost"] = {name: value for name in _COST if (value := getattr(outcome.cost, name))}
    return kept


def outcome_from(kept: Mapping[str, Any], read: ReadText) -> Outcome:
    """The outcome that was kept, with the words of its passages where they still stand ("" elsewhere)."""
    plain: dict[str, Any] = {name: kept[name] for name in _PLAIN if name in kept}
    return Outcome(
        kept["case_id"],
        **plain,
        calls=tuple(kept.get("calls", ())),
        support=kept.get("support"),
        value=kept.get("value"),
        found=tuple(_found_from(kept["found"], read)) if "found" in kept else (),
        quotes=tuple(_quoted_from(each, read) for each in kept.get("quotes", ())),
        turns=tuple(outcome_from(each, read) for each in kept.get("turns", ())),
        cost=Cost(**kept.get("cost", {})),
    )


def inputs_digest(case: Case) -> str:
    """Of all that a subject is given: the same for cases that differ in what should come of them only."""
    given = [
        case.kind,
        case.question,
        case.given,
        case.schema,
        case.functions,
        [turn.question for turn in case.turns],
    ]
    return xxhash.xxh3_128_hexdigest(json.dumps(given, default=dict, sort_keys=True).encode())


_CASE = tuple(each.name for each in fields(Case))
_HASH_CHARS = 16
_ALWAYS = ("id", "kind", "question", "schema")
_COST = tuple(each.name for each in fields(Cost))
_PLAIN = ("text", "abstained", "signals", "error", "trace_id")


def _hash(text: str) -> str:
    return xxhash.xxh3_64_hexdigest(text.encode("utf-8", "surrogatepass"))


def _found_json(found: Sequence[Found]) -> dict[str, Any]:
    """As columns, since a run may hold a million. Scores are packed: JSON is slow to write floats."""
    kept = {
        "ids": [each.text_id for each in found],
        "scores": b64encode(pack(f"<{len(found)}d", *(each.score for each in found))).decode(),
        "starts": [each.start for each in found],
        "ends": [each.end for each in found],
        "hashes": "".join(_hash(each.text) for each in found),
    }
    if any(each.page is not None for each in found):
        kept["pages"] = [each.page for each in found]
    return kept


def _found_from(kept: Mapping[str, Any], read: ReadText) -> Iterator[Found]:
    ids = kept["ids"]
    scores = unpack(f"<{len(ids)}d", b64decode(kept["scores"]))
    pages = kept.get("pages") or [None] * len(ids)
    places = zip(kept["starts"], kept["ends"], strict=True)
    for number, (text_id, (start, end)) in enumerate(zip(ids, places, strict=True)):
        hashed = kept["hashes"][number * _HASH_CHARS : (number + 1) * _HASH_CHARS]
        words = _slice(read(text_id), start, end, hashed)
        yield Found(text_id, scores[number], start, end, words, pages[number])


def _quoted_json(quoted: Quoted) -> dict[str, Any]:
    kept = asdict(quoted)
    words = kept.pop("quote")
    return kept | ({"hash": _hash(words)} if quoted.is_verbatim else {"quote": words})


def _quoted_from(kept: Mapping[str, Any], read: ReadText) -> Quoted:
    parts = dict(kept)
    if "quote" not in parts:
        text = read(parts["text_id"])
        parts["quote"] = _slice(text, parts["start"], parts["end"], parts.pop("hash"))
    return Quoted(**parts)


def _slice(text: str | None, start: int, end: int, hashed: str) -> str:
    words = (text or "")[start:end]
    return words if _hash(words) == hashed else ""
