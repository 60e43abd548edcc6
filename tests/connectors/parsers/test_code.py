from __future__ import annotations

from collections.abc import Callable

import pytest

from ragent.types import Document, RawDocument
from ragent_connectors.parsers.code import CodeParser

Parse = Callable[[str, bytes | str], Document]

PYTHON = '''"""Doc."""
import os

SQL = """
class NotThis:
"""


# About the ledger.
@decorated(a,
           b=2)
class Ledger(Base):
    """Counts.
def nothing(): pass
    """

    @property
    def total(self):
        return 1

    async def add(self):
        def inner():
            pass

        return inner

    z = 3


if __name__ == "__main__":
    main()
'''

TYPESCRIPT = """import x from "y";
/**
 * Counts.
 */
export class Ledger extends Base {
  async get(id: number): Promise<string> {
    if (id) {
      return `
class No {
`;
    }
    for (const a of b) { c(); }
  }
}
export const add = (a: number, b: number): number => a + b;
describe("x", () => {
  it("works", function () {});
});
"""

C = """#include <stdio.h>
/* adds */
static int add(int a, int b)
{
    if (a > b) {
        fprintf(stderr,
                "b");
    }
    return a + b;
}
struct point { int x; };
int table[] = { 1, 2 };
"""

JAVA = """package a.b;
/** Counts. */
@Service
public class Ledger<T> extends Base {
    private final int x = call(3);
    @Override
    public List<String> names(int a, String b) throws IOException {
        return null;
    }
    enum Kind { A, B }
}
"""

RUST = """use std::x;
#[derive(Debug)]
pub struct Point<T> { x: T }
impl<T: Clone> Display for Point<T> {
    fn fmt(&self, f: &mut F) -> Result {
        write!(f, "x")
    }
}
pub(crate) async fn go() {}
"""

GO = """package main

// Add adds.
func (s *Server) Add(a int) error {
	return nil
}

type Server struct {
	x int
}
"""


def labels(document: Document) -> list[str]:
    return [block.label for block in document.blocks]


@pytest.mark.parametrize(
    ("name", "source", "expected"),
    [
        (
            "a.py",
            PYTHON,
            ["", "Ledger", "Ledger.total", "Ledger.add", "Ledger.add.inner", "Ledger.add", "Ledger", ""],
        ),
        ("a.ts", TYPESCRIPT, ["", "Ledger", "Ledger.get", "add", ""]),
        ("a.c", C, ["", "add", "point", ""]),
        ("a.java", JAVA, ["", "Ledger", "Ledger.names", "Ledger.Kind"]),
        ("a.rs", RUST, ["", "Point", "Point.fmt", "go"]),
        ("a.go", GO, ["", "Add", "Server"]),
        ("a.rb", "class A\n  def b?\n    1\n  end\nend\n", ["A", "A.b?"]),
        ("a.sh", "set -e\n# Greets.\ngreet() {\n  echo hi\n}\ngreet\n", ["", "greet", ""]),
        (
            "a.sql",
            "-- People.\nCREATE TABLE IF NOT EXISTS people (\n  id int\n);\nselect 1;\n",
            ["people", ""],
        ),
    ],
)
def test_definitions_have_their_qualified_names(
    parse: Parse, name: str, source: str, expected: list[str]
) -> None:
    document = parse(name, source)
    assert document.text == source
    assert document.title == name
    assert labels(document) == expected
    assert {block.kind for block in document.blocks} == {"code"}


def test_comments_and_decorators_belong_to_what_they_stand_above(parse: Parse) -> None:
    document = parse("a.py", PYTHON)
    ledger = document.blocks[1]
    assert document.text[ledger.start :].startswith(
        "# About the ledger.\n@decorated(a,\n           b=2)\nclass"
    )
    total = document.blocks[2]
    assert document.text[total.start : total.end].lstrip().startswith("@property")


def test_scripts_are_known_by_their_first_line() -> None:
    def sure(name: str, text: str) -> float:
        return CodeParser().accepts(RawDocument("file:///x", name, text.encode()))

    assert sure("tool", "#!/usr/bin/env python3\nprint(1)\n") > 0.3
    assert sure("tool", "#!/bin/sh\n") > 0.3
    assert sure("tool", "words\n") == 0
    assert sure("a.py", "\0\1\2\3") == 0


@pytest.mark.parametrize("name", ["a.py", "a.js", "a.c", "a.rs", "a.sql"])
@pytest.mark.parametrize("mark", ['"\\', "'\\", '"""', "/*", "`", "a(", "a ", "impl<", "(", "[a]"])
def test_long_runs_of_marks_are_read(parse: Parse, name: str, mark: str) -> None:
    assert parse(name, mark * 20_000).text == mark * 20_000
