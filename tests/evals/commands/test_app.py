"""The command as a user runs it, with the real model, on a tiny set."""

from __future__ import annotations

import json
import subprocess
import tomllib
from pathlib import Path

import pytest

from ragent.retrieval import read_run
from tests.commands import run_command

CORPUS = {
    "a b": ("Refunds", "A manager approves refunds over the limit."),
    "cats": ("", "Cats sleep on warm roofs."),
    "boats": ("Harbour", "Boats leave the harbour at dawn."),
    "empty": ("", ""),
}
QUERIES = {"q1": "who approves refunds", "q2": "where do cats sleep", "q3": "where do kittens nap"}
QRELS = [("q1", "a b", 1), ("q2", "boats", 1), ("q2", "cats", 0)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "tiny"
    (folder / "qrels").mkdir(parents=True)
    corpus = [json.dumps({"_id": id_, "title": title, "text": text}) for id_, (title, text) in CORPUS.items()]
    (folder / "corpus.jsonl").write_text("\n".join(corpus))
    queries = [json.dumps({"_id": id_, "text": text}) for id_, text in QUERIES.items()]
    (folder / "queries.jsonl").write_text("\n".join(queries))
    rows = ["query-id\tcorpus-id\tscore", *("\t".join(map(str, row)) for row in QRELS)]
    (folder / "qrels" / "test.tsv").write_text("\n".join(rows))
    return folder


def ragent(home: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return run_command("--home", home, *arguments)


def test_measures_a_set_and_finds_it_there_the_second_time(tmp_path: Path, folder: Path) -> None:
    home, run = tmp_path / "home", tmp_path / "out.trec"
    done = ragent(home, "eval", "beir", folder, "--run", run, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["set"], report["split"], report["cases"]) == ("tiny", "test", 2)
    assert (report["documents"], report["empty"], report["run"]) == (4, 1, str(run))
    assert set(report["metrics"]) == {"ndcg@10", "recall@10", "recall@100", "mrr@10"}
    scores = read_run(run)
    assert next(iter(scores["q1"])) == "a b"
    assert next(iter(scores["q2"])) == "cats"
    boats = list(scores["q2"]).index("boats") + 1
    assert report["metrics"]["mrr@10"]["value"] == pytest.approx((1 + 1 / boats) / 2, abs=1e-4)
    assert report["metrics"]["recall@100"] == {"value": 1.0, "low": 1.0, "high": 1.0}

    again = ragent(home, "eval", "beir", folder)
    assert again.returncode == 0, again.stderr
    assert "2 queries over 4 documents" in again.stdout
    assert read_run(home / "runs" / "tiny-test.trec") == scores


def test_errors_say_what_to_do(tmp_path: Path, folder: Path) -> None:
    done = ragent(tmp_path / "home", "eval", "beir", folder, "--split", "dev", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["hint"] == "--split: test"
    (folder / "corpus.jsonl").write_text("{")
    done = ragent(tmp_path / "home", "eval", "beir", folder)
    assert done.returncode == 1
    assert "corpus.jsonl, line 1" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_collection_with_other_documents_is_refused(tmp_path: Path, folder: Path) -> None:
    home = tmp_path / "home"
    (tmp_path / "note.txt").write_text("A note about something else entirely.")
    assert ragent(home, "ingest", tmp_path / "note.txt").returncode == 0
    done = ragent(home, "eval", "beir", folder, "--collection", "default")
    assert done.returncode == 1
    assert "1 document(s) that are not of tiny are in 'default'" in done.stderr


def test_weights_are_fitted_and_written(tmp_path: Path, folder: Path) -> None:
    queries = [json.dumps({"_id": f"q{n}", "text": f"where do cats sleep number {n}"}) for n in range(32)]
    (folder / "queries.jsonl").write_text("\n".join(queries))
    rows = ["query-id\tcorpus-id\tscore", *(f"q{n}\tcats\t1" for n in range(32))]
    (folder / "qrels" / "train.tsv").write_text("\n".join(rows))
    home = tmp_path / "home"
    refused = ragent(home, "eval", "tune", folder, "--split", "test")
    assert refused.returncode == 1
    assert "--split train" in refused.stderr

    done = ragent(home, "eval", "tune", folder, "--write", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["split"], report["cases"], report["kinds"]) == ("train", 32, {"question": 32})
    assert report["metrics"]["before"]["value"] == report["metrics"]["after"]["value"] == 1.0
    assert report["metrics"]["gain"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    written = tomllib.loads((home / "ragent.toml").read_text())["retrieval"]
    assert written == report["weights"]
    shown = ragent(home, "eval", "tune", folder)
    assert "the gain may be chance" in shown.stderr
    assert "dense_weight = " in shown.stdout
