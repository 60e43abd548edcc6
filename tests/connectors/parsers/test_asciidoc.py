from __future__ import annotations

from collections.abc import Callable

import pytest

from ragent.types import Document

Parse = Callable[[str, bytes | str], Document]

SOURCE = """= The Guide
Ann Author <a@b.example>
:toc: left
:keywords: refunds, rules

Intro text
on two lines.

== Section

.A title
[source,ruby]
----
puts 1

puts 2
----

* one
** two
+
----
code in list
----
* three

term:: what it means

|===
|A |B

|1 |2
|===

====
An example.
====

=== Deeper
NOTE: careful.

////
== hidden
////
____
A quote.
____

 literal
"""


def test_the_files_text_is_kept_and_its_blocks_found(parse: Parse) -> None:
    document = parse("guide.adoc", SOURCE)
    assert document.text == SOURCE
    assert document.title == "The Guide"
    assert document.metadata == {"toc": "left", "keywords": "refunds, rules"}
    shape = [(b.kind, b.level, SOURCE[b.start : b.end]) for b in document.blocks]
    assert shape[0] == ("heading", 1, "= The Guide")
    assert shape[2:] == [
        ("paragraph", 0, "Intro text\non two lines."),
        ("heading", 2, "== Section"),
        ("code", 0, "puts 1\n\nputs 2"),
        ("list", 0, "* one\n** two\n+\n----\ncode in list\n----\n* three\n\nterm:: what it means"),
        ("table", 0, "|A |B\n\n|1 |2"),
        ("paragraph", 0, "An example."),
        ("heading", 3, "=== Deeper"),
        ("paragraph", 0, "NOTE: careful."),
        ("quote", 0, "A quote."),
        ("code", 0, " literal"),
    ]


@pytest.mark.parametrize(
    "mark", ["```a\n", "----\n....\n", "* ", "|===\n", "= ", ":a: b\n", "[", "+\n----\n", "a:: "]
)
def test_long_runs_of_marks_are_read(parse: Parse, mark: str) -> None:
    assert parse("a.adoc", mark * 20_000).text == mark * 20_000
