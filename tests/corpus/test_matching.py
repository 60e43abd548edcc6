from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragent.corpus.matching import Record, read_table, score_pairs
from ragent.corpus.matching.blocking import candidate_pairs
from ragent.corpus.matching.features import identifiers_of, words_of
from ragent.corpus.matching.judging import is_in_doubt, judged
from ragent.corpus.matching.scoring import Link
from ragent.errors import ConfigError, ParseError
from ragent.types import Message
from tests.making import HashedWords

ADJECTIVES = ["red", "blue", "quiet", "folding", "heavy", "garden", "travel", "steel", "solar", "mini"]
THINGS = ["lamp", "kettle", "drill", "ladder", "tent", "printer", "camera", "speaker", "fan", "heater"]
MAKERS = ["Orvik", "Tamsin", "Bruno", "Keld"]


def shop(number: int) -> dict[str, str]:
    name = f"{ADJECTIVES[number % 10]} {THINGS[number // 10 % 10]}"
    model = f"{'abcdefg'[number % 7]}{100 + number * 37 % 800}x"
    return {"name": name, "maker": MAKERS[number % 4], "model": model, "price": str(10 + number)}


def other_shop(number: int) -> dict[str, str]:
    """The same thing as `shop(number)`, told in other words and at another price."""
    row = shop(number)
    words = row["name"].split()
    name = f"{row['maker']} {words[1]}, {words[0]} {row['model'].upper()}"
    return {"name": name, "maker": row["maker"].upper(), "model": "", "price": str(12 + number)}


LEFTS: list[Record] = [shop(number) for number in range(60)]
RIGHTS: list[Record] = [other_shop(number) for number in range(20, 80)]


def links_of(lefts: Sequence[Record] = LEFTS, rights: Sequence[Record] = RIGHTS) -> list[Link]:
    return score_pairs(lefts, rights, candidate_pairs(lefts, rights, 5))


def test_the_same_things_are_linked_and_others_are_not() -> None:
    found = {(link.left, link.right) for link in links_of() if link.matched}
    truth = {(number, number - 20) for number in range(20, 60)}
    assert len(found & truth) >= 38
    assert len(found - truth) <= 2


def test_each_row_gets_one_partner_where_no_table_repeats_itself() -> None:
    matched = [link for link in links_of() if link.matched]
    assert len({link.left for link in matched}) == len({link.right for link in matched}) == len(matched)


def test_a_table_that_repeats_itself_may_link_many_rows_to_one() -> None:
    doubled = [*RIGHTS, *({**row, "price": ""} for row in RIGHTS)]
    matched = [link for link in links_of(LEFTS, doubled) if link.matched]
    assert len({link.right for link in matched}) == len(matched)
    assert len(matched) >= 70
    assert len({link.left for link in matched}) <= 45


def test_a_link_tells_which_fields_agree() -> None:
    link = next(link for link in links_of() if link.matched)
    maker, model = (next(one for one in link.fields if one.name == name) for name in ("maker", "model"))
    assert maker.alike == 1
    assert maker.weight > 0
    assert (model.alike, model.weight, model.right) == (None, 0, "")


def test_the_order_of_pairs_does_not_matter() -> None:
    pairs = candidate_pairs(LEFTS, RIGHTS, 5)
    forth, back = score_pairs(LEFTS, RIGHTS, pairs), score_pairs(LEFTS, RIGHTS, pairs[::-1])
    assert [link.probability for link in forth] == pytest.approx(
        [link.probability for link in back[::-1]], abs=1e-3
    )


def test_columns_of_any_name_are_fields() -> None:
    rows: list[Record] = [{"whole": row["name"], "lead": row["model"]} for row in LEFTS]
    link = next(link for link in links_of(rows, rows) if link.left == link.right)
    assert [one.name for one in link.fields] == ["whole", "lead"]
    assert link.matched


@settings(deadline=None)
@given(
    st.lists(st.dictionaries(st.sampled_from(["a", "b"]), st.text(max_size=12)), min_size=1, max_size=6),
    st.lists(st.dictionaries(st.sampled_from(["b", "c"]), st.text(max_size=12)), min_size=1, max_size=6),
)
def test_any_records_get_a_probability(lefts: list[dict[str, str]], rights: list[dict[str, str]]) -> None:
    pairs = [(left, right) for left in range(len(lefts)) for right in range(len(rights))]
    links = score_pairs(lefts, rights, pairs)
    assert [(link.left, link.right) for link in links] == pairs
    assert all(0 <= link.probability <= 1 for link in links)


def test_no_pairs_no_links() -> None:
    assert score_pairs(LEFTS, RIGHTS, []) == []


def test_words_and_identifiers() -> None:
    assert words_of("Café 1994.0, v2.50 (Nr. 7)") == ["cafe", "1994", "v2", "50", "nr", "7"]
    assert identifiers_of("Sony DSC-W150/R, 404/350-6755, 12 mm, 1998") == {"dscw150r", "4043506755"}


def test_candidates_come_from_words_and_from_meaning() -> None:
    lefts: list[Record] = [{"name": "red lamp"}, {"name": "zzz"}]
    rights: list[Record] = [{"title": "lamp, red"}, {"title": "blue kettle"}]
    assert candidate_pairs(lefts, rights, 1) == [(0, 0)]
    assert (1, 0) in candidate_pairs(lefts, rights, 2, HashedWords())


# -- tables -----------------------------------------------------------------------------------------------


def test_the_same_table_in_three_formats(tmp_path: Path) -> None:
    from openpyxl import Workbook

    (tmp_path / "a.csv").write_text('id;name;price\nx1;"lamp; red";3.5\n\nx2;fan;\n', "utf-8")
    lines = [{"id": "x1", "name": "lamp; red", "price": 3.5}, {"id": "x2", "name": "fan", "price": None}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    book = Workbook()
    for row in (["id", "name", "price"], ["x1", "lamp; red", 3.5], ["x2", "fan", None]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    for suffix in ("csv", "jsonl", "xlsx"):
        table = read_table(tmp_path / f"a.{suffix}", "id")
        assert table.keys == ("x1", "x2")
        assert table.records == ({"name": "lamp; red", "price": "3.5"}, {"name": "fan", "price": ""})
    assert read_table(tmp_path / "a.csv").keys == ("1", "2")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("empty.csv", "", "holds no rows"),
        ("twice.csv", "a,a\n1,2\n", "two columns alike"),
        ("broken.jsonl", '{"a": 1}\n[2]\n', "line 2"),
        ("broken.xlsx", "no workbook", "can't be read"),
    ],
)
def test_a_file_that_holds_no_table_says_so(tmp_path: Path, name: str, text: str, words: str) -> None:
    (tmp_path / name).write_text(text, "utf-8")
    with pytest.raises(ParseError, match=words):
        read_table(tmp_path / name)


def test_a_key_must_be_there_and_name_one_row(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,name\n1,a\n1,b\n", "utf-8")
    with pytest.raises(ConfigError, match="no column 'key'"):
        read_table(path, "key")
    with pytest.raises(ConfigError, match="two rows '1'"):
        read_table(path, "id")


# -- judging ----------------------------------------------------------------------------------------------


@dataclass
class Opinion:
    """A scoring model that is sure of one word."""

    word: str
    asked: list[str] = field(default_factory=list)
    name: str = "opinion"
    scoring_tokens: int = 1000

    def offsets(self, text: str) -> list[tuple[int, int]]:
        return []

    def count(self, texts: Sequence[str]) -> list[int]:
        return [0 for _ in texts]

    def count_prompt(self, messages: Sequence[Message]) -> int:
        return 0

    def log_likelihoods(
        self, messages: Sequence[Message], continuations: Sequence[str], begun: str = ""
    ) -> list[float]:
        self.asked.append(messages[0].content)
        return [-0.01 if text == self.word else -9.0 for text in continuations]


@pytest.mark.parametrize(("word", "matched"), [("Yes", True), ("No", False)])
def test_a_judge_decides_what_is_in_doubt(word: str, matched: bool) -> None:
    sure, doubtful = Link(0, 0, 0.99, True, ()), Link(1, 1, 0.4, False, ())
    model = Opinion(word)
    out = list(judged([sure, doubtful], (LEFTS, RIGHTS), model, 0.5))  # type: ignore[arg-type]
    assert out[0] == sure
    assert out[1].matched is matched
    assert not is_in_doubt(out[1])
    assert len(model.asked) == 1
    assert "name: blue lamp" in model.asked[0]


def test_a_judge_must_be_able_to_score() -> None:
    class Mute:
        name = "mute"

    with pytest.raises(ConfigError, match="mute doesn't tell"):
        list(judged([Link(0, 0, 0.5, False, ())], (LEFTS, RIGHTS), Mute(), 0.5))  # type: ignore[arg-type]
