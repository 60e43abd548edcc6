from __future__ import annotations

from pathlib import Path

import networkx as nx
import pytest

from tests.cli.conftest import DOCUMENTS, Ragent, run_ragent


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Ragent:
    """The command line over two of the sample documents and their graph."""
    folder = tmp_path_factory.mktemp("town")
    for name in ("staff-directory.txt", "incident-report-sk-2023-07.txt"):
        assert run_ragent(folder / "home", "ingest", DOCUMENTS / name, cwd=folder).code == 0
    built = run_ragent(folder / "home", "graph", "build", "--json", cwd=folder)
    assert built.code == 0, built.err
    assert built.json["chunks"] > 0
    assert built.json["labelled"] > 5
    return lambda *arguments: run_ragent(folder / "home", *arguments, cwd=folder)


def test_a_second_build_reads_nothing(town: Ragent) -> None:
    assert town("graph", "build", "--json").json["chunks"] == 0


def test_a_question_over_two_documents(town: Ragent) -> None:
    ran = town("graph", "ask", "How is Garrick Vane connected to Orla Tresk?", "--json")
    assert ran.code == 0, ran.err
    assert [entity["name"] for entity in ran.json["entities"]] == ["Garrick Vane", "Orla Tresk"]
    path = ran.json["paths"][0]
    assert {Path(fact["uri"]).name for fact in path} == {
        "staff-directory.txt",
        "incident-report-sk-2023-07.txt",
    }
    shown = town("graph", "ask", "How is Garrick Vane connected to Orla Tresk?")
    assert "Orla Tresk — is → Harbour Master" in shown.out
    assert "characters" in shown.out


def test_showing_one_and_all(town: Ragent) -> None:
    facts = town("graph", "show", "Lene Ostrow", "--json").json["facts"]
    assert ("Lene Ostrow", "is", "Environmental Officer") in {
        (fact["source"], fact["label"], fact["target"]) for fact in facts
    }
    everyone = town("graph", "show", "-n", "5", "--json").json
    assert len(everyone["entities"]) == 5 < everyone["total"]
    assert "MV Solan" in town("graph", "show").out


def test_what_is_not_there_is_an_error_that_helps(town: Ragent) -> None:
    ran = town("graph", "show", "Zorro")
    assert ran.code == 1
    assert "ragent graph show lists what it knows" in ran.err


def test_the_export_is_a_graph(town: Ragent, tmp_path: Path) -> None:
    ran = town("graph", "export", tmp_path / "town.graphml", "--json")
    read = nx.read_graphml(tmp_path / "town.graphml")
    assert (read.number_of_nodes(), read.number_of_edges()) == (ran.json["nodes"], ran.json["edges"])
