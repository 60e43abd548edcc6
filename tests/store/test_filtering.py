"""The SQL of a filter says what the filter says: checked against plain Python over the same documents."""

from __future__ import annotations

import operator
import string
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ragent.errors import QueryError
from ragent.filters import And, Compare, Exists, Filter, Not, Or, Value, parse_filter
from ragent.store import Batch, Collection, NewDocument, Store
from ragent.types import Chunk, Document
from tests.making import FINGERPRINT, HashedWords

HOSTILE = [
    *(
        "a",
        "year",
        "x.y",
        '"',
        'a"b',
        "a'b",
        "'; DROP TABLE documents; --",
        "$",
        "$.a",
        "$[0]",
        "a[0]",
        "%",
        "_",
    ),
    *("ключ", "😀", "", " ", "\\", "\\u0061", "metadata", "null", "[]", "{}", "a\nb"),
]
letters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
keys = st.sampled_from(HOSTILE) | st.text(letters, max_size=4)
numbers = (
    st.integers(-(2**53), 2**53) | st.floats(-1e15, 1e15) | st.sampled_from([0, 1, 1.0, -0.0, 0.5, 2020])
)
texts = st.sampled_from([*HOSTILE, "1", "true", "de", "2024-05-01", "2024-05-01T10:00"]) | st.text(
    letters, max_size=4
)
scalars = st.none() | st.booleans() | numbers | texts
members = scalars | st.lists(scalars, max_size=3) | st.dictionaries(keys, scalars, max_size=2)
metadata = st.dictionaries(keys, members, max_size=4)
orders: tuple[Any, ...] = ("<", "<=", ">", ">=")
compares = st.one_of(
    st.builds(Compare, keys, st.just("="), scalars),
    st.builds(Compare, keys, st.sampled_from(orders), numbers | texts),
    st.builds(Compare, keys, st.just("prefix"), texts),
    st.builds(Exists, keys),
)
filters: st.SearchStrategy[Filter] = st.recursive(
    compares,
    lambda inner: st.one_of(
        st.builds(And, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Not, inner),
    ),
    max_leaves=6,
)
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge
}  # fmt: skip


def holds(where: Filter, meta: Mapping[str, Any]) -> bool:
    """What a filter says of metadata, in plain Python."""
    match where:
        case And():
            return all(holds(part, meta) for part in where.parts)
        case Or():
            return any(holds(part, meta) for part in where.parts)
        case Not():
            return not holds(where.part, meta)
        case Exists():
            return where.field in meta
    if where.field not in meta:
        return False
    value = meta[where.field]
    return any(compares_so(where, each) for each in (value if isinstance(value, list) else [value]))


def compares_so(where: Compare, value: Any) -> bool:
    if where.operator == "prefix":
        return isinstance(value, str) and value.startswith(str(where.value))
    return kind(value) == kind(where.value) and COMPARISONS[where.operator](value, where.value)


def kind(value: Any) -> str:
    if value is None or isinstance(value, bool | str):
        return type(value).__name__
    return "number" if isinstance(value, int | float) else "other"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.open(tmp_path_factory.mktemp("filters")) as opened:
        yield opened


def put(store: Store, collection: Collection, metas: list[dict[str, Any]], pages: bool = False) -> None:
    vectors = HashedWords().embed_documents(["text"])
    store.write(
        collection,
        [
            NewDocument(
                Document(f"file:///docs/{n}.md", f"Title {n}", "text", "text/plain", metadata=meta),
                "1",
                str(n),
                (Chunk(0, 4, "text", "", 1, n or None if pages else None),),
                vectors,
            )
            for n, meta in enumerate(metas)
        ],
    )


def found(store: Store, collection: Collection, where: object) -> list[int]:
    ids = store.matching(collection.id, parse_filter(where)).tolist()
    passages = store.passages(collection.id, ids)
    return [int(Path(passages[i].uri).stem) for i in ids]


@settings(deadline=None)
@given(st.lists(metadata, min_size=1, max_size=6), filters)
@example([{"a": 1}, {"a": True}, {"a": 1.0}, {"a": "1"}, {"a": [True]}], Compare("a", "=", True))
@example([{"a": ["x", 3]}, {"a": []}, {"a": {"x": 3}}], Compare("a", "=", 3))
@example([{"a": None}, {}], Not(Compare("a", "=", None)))
@example([{"a": "\U0010ffffb"}, {"a": "\ud7ff1"}, {"a": "\ue000"}], Compare("a", "prefix", "\ud7ff"))
@example([{"a": "\U0010ffffb"}, {"a": "z"}], Compare("a", "prefix", "\U0010ffff"))
@example([{"x.y": 1}, {"x": {"y": 1}}], Compare("x.y", "=", 1))
def test_sql_says_what_python_says(shared: Store, metas: list[dict[str, Any]], where: Filter) -> None:
    collection = shared.ensure_collection("default", FINGERPRINT)
    known = shared.known_documents(collection.id).values()
    shared.apply(collection, Batch(removed=[document.id for document in known]))
    put(shared, collection, metas)
    where = in_metadata(where)
    expected = [
        n for n, meta in enumerate(metas) if holds(where, {f"metadata.{k}": v for k, v in meta.items()})
    ]
    assert found(shared, collection, where) == expected


def in_metadata(where: Filter) -> Filter:
    match where:
        case And() | Or():
            return type(where)(tuple(in_metadata(part) for part in where.parts))
        case Not():
            return Not(in_metadata(where.part))
        case Exists():
            return Exists(f"metadata.{where.field}")
    return Compare(f"metadata.{where.field}", where.operator, where.value)


METAS: list[dict[str, Any]] = [
    {"year": 2019, "lang": "de", "tags": ["tax", "law"], "draft": True},
    {"year": 2021, "lang": "fr", "tags": ["law"], "date": "2024-05-01"},
    {"year": "2021", "lang": "de", "draft": False, "author": "Meike", "title": "own"},
    {"lang": "en", "draft": None, "date": "2023-01-31T10:00:00", "note": "a, b"},
]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Collection]]:
    with Store.open(tmp_path_factory.mktemp("library")) as store:
        collection = store.ensure_collection("default", FINGERPRINT)
        put(store, collection, METAS, pages=True)
        yield store, collection


@pytest.mark.parametrize(
    ("where", "numbers"),
    [
        ("year>=2020", [1, 2]),
        ("year = 2021", [1, 2]),
        ('year="2021"', [2]),
        ({"year": 2021}, [1]),
        ({"year": {">=": 2000, "<": 2020}}, [0]),
        ("year!=2021", [0, 3]),
        ("lang in de, en", [0, 2, 3]),
        ({"lang": ["de", "en"]}, [0, 2, 3]),
        ({"lang": {"in": []}}, []),
        ("tags=law", [0, 1]),
        ("author prefix Mei", [2]),
        ("author exists", [2]),
        ({"draft": {"exists": True}}, [0, 2, 3]),
        ("draft=true", [0]),
        ({"draft": None}, [3]),
        ("date>=2024", [1]),
        ("date<2024-01-01", [3]),
        ('note in "a, b",c', [3]),
        ("page>=2", [2, 3]),
        ("page exists", [1, 2, 3]),
        ("page=two", []),
        ("title=Title 2", [2]),
        ("metadata.title=own", [2]),
        ("media_type=text/plain", [0, 1, 2, 3]),
        ("uri prefix file:///docs/1", [1]),
        ("path=/docs", [0, 1, 2, 3]),
        ("path=/docs/3.md", [3]),
        ("path=/doc", []),
        ("path!=/docs/3.md", [0, 1, 2]),
        ("source exists", []),
        ("source=x", []),
        ("updated>=2000-01-01", [0, 1, 2, 3]),
        ("updated<2000-01-01", []),
        (["lang=de", "year<2020"], [0]),
        ({"or": [{"lang": "fr"}, {"not": {"tags": "law"}}]}, [1, 2, 3]),
        ('{"and": [{"lang": "de"}, {"draft": false}]}', [2]),
        ({}, [0, 1, 2, 3]),
    ],
)
def test_what_people_write(library: tuple[Store, Collection], where: object, numbers: list[int]) -> None:
    assert found(*library, where) == numbers


def test_a_day_is_all_of_that_day(library: tuple[Store, Collection]) -> None:
    today = datetime.now(UTC).astimezone().date().isoformat()
    for condition in ("updated={}", "updated<={}", "updated>={}"):
        assert found(*library, condition.format(today)) == [0, 1, 2, 3]
    for condition in ("updated<{}", "updated>{}", "updated!={}"):
        assert found(*library, condition.format(today)) == []


def nested(deep: int, word: str) -> dict[str, Any]:
    where: dict[str, Any] = {"a": 1}
    for _ in range(deep - 2):
        where = {word: where if word == "not" else [where, {"b": 2}]}
    return where


@pytest.mark.parametrize(
    "where",
    [nested(16, "not"), nested(9, "or"), nested(9, "and"), {"a": {"in": list(range(399))}}],
    ids=["not", "or", "and", "in"],
)
def test_the_largest_filters_are_taken(library: tuple[Store, Collection], where: object) -> None:
    found(*library, where)


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("year~2020", "can't understand"),
        ("", "can't understand"),
        ("year", "can't understand"),
        ("year>", "no value"),
        ("draft exists now", "nothing may follow"),
        ({"year": {"$gte": 2020}}, r"'\$gte' is not an operator"),
        ({"year": {7: 2020}}, "7 is not an operator"),
        ({"year": {">": None}}, "no order"),
        ({"year": {"in": "de"}}, "needs a list"),
        ({"year": {"exists": 1}}, "true or false"),
        ({"year": {"prefix": 20}}, "only a text"),
        ({"year": object()}, "can't compare"),
        ({"year": float("nan")}, "not a number"),
        ({"year": 10**400}, "not a number"),
        ({"or": {"a": 1}}, "before a list"),
        ({3: 4}, "not the name"),
        ("{oops", "not JSON"),
        (7, "is not a filter"),
        ("a=\ud800", "surrogate"),
        ({"a": "x\0"}, "NUL"),
        ("updated>=soon", "no date"),
        ("updated prefix 2024", "no prefix"),
        ("path<b", "path"),
        ("path=~nobody-of-that-name/x", "isn't here"),
        (nested(17, "not"), "nested"),
        (nested(5000, "not"), "nested"),
        ('{"not":' * 300 + '{"a":1}' + "}" * 300, "nested"),
        ("[" * 5000, "not JSON"),
        ({"a": {"in": list(range(401))}}, "conditions"),
        ("a in " + ",".join(map(str, range(300))), "conditions"),
    ],
)
def test_what_is_no_filter_is_said(library: tuple[Store, Collection], where: object, message: str) -> None:
    with pytest.raises(QueryError, match=message) as caught:
        found(*library, where)
    assert caught.value.hint


@given(st.text(string.printable + "äß😀", max_size=30))
def test_any_text_is_a_filter_or_a_query_error(text: str) -> None:
    with suppress(QueryError):
        parse_filter(text)


@given(st.sampled_from(["=", "!=", "<", ">="]), st.text(letters, min_size=1, max_size=8))
def test_names_and_values_in_quotes_are_taken_as_they_are(comparison: str, name: str) -> None:
    quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    parsed = parse_filter(f"{quoted}{comparison}{quoted}")
    expected: Value = name
    if name != "path":
        plain = "=" if comparison == "!=" else comparison
        compare = Compare(name, plain, expected)  # type: ignore[arg-type]
        assert parsed == (Not(compare) if comparison == "!=" else compare)
