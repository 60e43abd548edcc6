from __future__ import annotations

import csv
from pathlib import Path

from tests.cli.conftest import Ragent

PEOPLE = [
    ("Orla Tresk", "Skerrin", "201-4471"),
    ("Benet Quill", "Skerrin", "202-9012"),
    ("Hanne Colt", "Aldersay", "208-3310"),
    ("Garrick Vane", "Aldersay", "219-5578"),
    ("Lene Ostrow", "Little Toll", "221-8129"),
    ("Sunniva Prole", "Little Toll", "214-6650"),
    ("Piers Wendle", "Skerrin", "241-2284"),
    ("Idony Marsh", "Aldersay", "244-7093"),
]


def write_tables(folder: Path) -> tuple[Path, Path]:
    first, second = folder / "staff.csv", folder / "payroll.csv"
    with first.open("w", newline="") as file:
        rows = [["id", "name", "town", "phone"]]
        csv.writer(file).writerows([*rows, *([f"s{n}", *person] for n, person in enumerate(PEOPLE))])
    with second.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "name", "town", "phone"])
        for number, (name, town, phone) in reversed(list(enumerate(PEOPLE))):
            family, given = name.split()[::-1]
            writer.writerow([f"p{number}", f"{family}, {given[0]}.", town, phone.replace("-", "")])
    return first, second


def test_two_tables_are_linked(ragent: Ragent, tmp_path: Path) -> None:
    tables = write_tables(tmp_path)
    ran = ragent("match", *tables, "--key", "id", "--words", "--out", tmp_path / "links.csv", "--json")
    assert ran.code == 0, ran.err
    found = {(link["left"], link["right"]) for link in ran.json["links"]}
    assert found == {(f"s{n}", f"p{n}") for n in range(len(PEOPLE))}
    with (tmp_path / "links.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["left"], row["right"]) for row in rows} == found
    assert "town" in rows[0]["agree"]


def test_for_people_it_says_what_agrees(ragent: Ragent, tmp_path: Path) -> None:
    ran = ragent("match", *write_tables(tmp_path), "--key", "id", "--words")
    assert ran.code == 0, ran.err
    assert "s0 = p0  (agree:" in ran.out
    assert "8 links between 8 and 8 rows" in ran.out


def test_a_key_that_is_not_there_is_a_usage_error(ragent: Ragent, tmp_path: Path) -> None:
    ran = ragent("match", *write_tables(tmp_path), "--key", "number", "--json")
    assert ran.code == 2
    assert "no column 'number'" in ran.json["error"]["message"]
