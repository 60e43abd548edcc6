from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from ragent.errors import LLMError, ModelNotFound
from ragent.llm.known import KNOWN, find_known
from ragent.llm.models import find_model, installed_models, known_models, resolve_model
from ragent.llm.pull import Pulled, pull
from ragent.served import Retries
from tests.cli.conftest import run_ragent
from tests.llm.test_gguf import gguf
from tests.serving import Answer, Site, say, serving

MODEL = gguf(data=300_000)
SHA256 = hashlib.sha256(MODEL).hexdigest()


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as site:
        yield site


def fetch(site: Site, folder: Path, path: str = "/m.gguf", **options: Any) -> Pulled:
    return pull(site.url + path, folder, retries=Retries(2, 0.01), **options)


def ranged(data: bytes, *, etag: str = '"v1"', cut: int = 0) -> Answer:
    """Answers ranges, and hangs up after `cut` bytes, if that isn't 0."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        wanted = handler.headers["Range"]
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        if handler.headers["If-Range"] not in (None, etag):
            start = 0
        handler.send_response(206 if start else 200)
        handler.send_header("ETag", etag)
        handler.send_header("Content-Length", str(len(data) - start))
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        handler.end_headers()
        handler.wfile.write(data[start : start + cut] if cut else data[start:])

    return answer


def is_empty(folder: Path) -> bool:
    return not any(folder.iterdir())


def test_a_file_by_url(site: Site, tmp_path: Path) -> None:
    site.answers["/m.gguf?download=true"] = ranged(MODEL)
    told: list[tuple[int, int]] = []
    pulled = fetch(
        site, tmp_path / "models", "/m.gguf?download=true", progress=lambda *state: told.append(state)
    )
    assert pulled == Pulled("m", tmp_path / "models" / "m.gguf", "file", SHA256, verified=False)
    assert pulled.path.read_bytes() == MODEL
    assert told[-1] == (len(MODEL), len(MODEL))
    assert [file.name for file in pulled.path.parent.iterdir()] == ["m.gguf"]
    assert resolve_model("m", pulled.path.parent) == pulled.path


def test_what_is_there_is_only_checked(site: Site, tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(MODEL)
    assert fetch(site, tmp_path, sha256=SHA256.upper()).verified
    with pytest.raises(LLMError, match="another file"):
        fetch(site, tmp_path, sha256="0" * 64)
    assert not site.seen
    assert (tmp_path / "m.gguf").read_bytes() == MODEL


def test_a_cut_is_gone_on_with_at_once(site: Site, tmp_path: Path) -> None:
    site.answers["/m.gguf"] = ranged(MODEL, cut=100_000)
    assert fetch(site, tmp_path, sha256=SHA256).verified
    assert [headers.get("range", "") for _, headers in site.seen][1] == "bytes=100000-"
    assert len(site.seen) == 4


def test_a_cut_is_gone_on_with_later(site: Site, tmp_path: Path) -> None:
    def once(handler: BaseHTTPRequestHandler) -> None:
        ranged(MODEL, cut=70_000)(handler)
        site.answers["/m.gguf"] = say("busy", 503)

    site.answers["/m.gguf"] = once
    with pytest.raises(LLMError, match="goes on where it stopped") as raised:
        fetch(site, tmp_path)
    assert raised.value.retryable
    assert (tmp_path / "m.gguf.part").stat().st_size == 70_000
    assert not installed_models(tmp_path)[1:]
    site.answers["/m.gguf"] = ranged(MODEL)
    fetch(site, tmp_path, sha256=SHA256)
    assert site.seen[-1][1]["range"] == "bytes=70000-"


def test_a_file_that_changed_meanwhile_is_fetched_anew(site: Site, tmp_path: Path) -> None:
    (tmp_path / "m.gguf.part").write_bytes(b"GGUF" + b"x" * 1000)
    note = {"url": f"{site.url}/m.gguf", "validator": '"v0"'}
    (tmp_path / "m.gguf.part.json").write_text(json.dumps(note))
    site.answers["/m.gguf"] = ranged(MODEL)
    assert fetch(site, tmp_path, sha256=SHA256).path.read_bytes() == MODEL
    assert site.seen[0][1]["if-range"] == '"v0"'


def test_a_part_without_its_validator_is_not_trusted(site: Site, tmp_path: Path) -> None:
    (tmp_path / "m.gguf.part").write_bytes(b"GGUF" + b"x" * 1000)
    site.answers["/m.gguf"] = ranged(MODEL)
    assert fetch(site, tmp_path).sha256 == SHA256
    assert "range" not in site.seen[0][1]


@pytest.mark.parametrize("status", [206, 416])
def test_an_odd_answer_to_a_range(site: Site, tmp_path: Path, status: int) -> None:
    (tmp_path / "m.gguf.part").write_bytes(b"GGUF" + b"x" * 1000)
    note = {"url": f"{site.url}/m.gguf", "validator": '"v1"'}
    (tmp_path / "m.gguf.part.json").write_text(json.dumps(note))

    def odd(handler: BaseHTTPRequestHandler) -> None:
        say(MODEL, status, Content_Range=f"bytes 0-9/{len(MODEL)}")(handler)
        site.answers["/m.gguf"] = ranged(MODEL)

    site.answers["/m.gguf"] = odd
    assert fetch(site, tmp_path).sha256 == SHA256


def test_a_part_that_is_whole_is_not_fetched_again(site: Site, tmp_path: Path) -> None:
    (tmp_path / "m.gguf.part").write_bytes(MODEL)
    note = {"url": f"{site.url}/m.gguf", "validator": '"v1"'}
    (tmp_path / "m.gguf.part.json").write_text(json.dumps(note))
    site.answers["/m.gguf"] = say("", 416, Content_Range=f"bytes */{len(MODEL)}")
    assert fetch(site, tmp_path, sha256=SHA256).path.read_bytes() == MODEL
    assert len(site.seen) == 1


def test_two_at_once(site: Site, tmp_path: Path) -> None:
    refused: list[str] = []

    def meanwhile(handler: BaseHTTPRequestHandler) -> None:
        with pytest.raises(LLMError, match="another process") as raised:
            fetch(site, tmp_path)
        refused.append(str(raised.value))
        ranged(MODEL)(handler)

    site.answers["/m.gguf"] = meanwhile
    assert fetch(site, tmp_path).sha256 == SHA256
    assert refused


def test_a_wrong_checksum(site: Site, tmp_path: Path) -> None:
    site.answers["/m.gguf"] = ranged(MODEL)
    with pytest.raises(LLMError, match="another checksum"):
        fetch(site, tmp_path, sha256="0" * 64)
    assert is_empty(tmp_path)
    with pytest.raises(LLMError, match="64 hexadecimal"):
        fetch(site, tmp_path, sha256="abc")


def test_the_hubs_checksum_is_verified_along_its_redirect(site: Site, tmp_path: Path) -> None:
    site.answers["/cdn/blob"] = ranged(MODEL)
    site.answers["/m.gguf"] = say("", 302, Location="/cdn/blob", X_Linked_ETag=f'"{SHA256}"')
    assert fetch(site, tmp_path / "a").verified
    site.answers["/m.gguf"] = say("", 302, Location="/cdn/blob", X_Linked_ETag=f'"{"1" * 64}"')
    with pytest.raises(LLMError, match="another checksum"):
        fetch(site, tmp_path / "b")
    assert is_empty(tmp_path / "b")


def test_redirects_without_end(site: Site, tmp_path: Path) -> None:
    site.answers["/m.gguf"] = say("", 302, Location="/m.gguf")
    with pytest.raises(LLMError, match="too often"):
        fetch(site, tmp_path)
    assert len(site.seen) == 6


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (say("none", 404), ModelNotFound, "no file"),
        (say("none", 401), LLMError, "RAGENT_SECRET_127_0_0_1_TOKEN"),
        (say("none", 418), LLMError, "418"),
        (say("<!DOCTYPE html><html>a login</html>"), LLMError, "web page"),
        (say(MODEL[:400]), LLMError, "cut short"),
        (say(""), LLMError, "empty"),
    ],
)
def test_what_can_not_be_a_model(
    site: Site, tmp_path: Path, answer: Answer, error: type[Exception], message: str
) -> None:
    site.answers["/m.gguf"] = answer
    with pytest.raises(error, match=message):
        fetch(site, tmp_path)
    assert is_empty(tmp_path)


def test_another_format_is_given_up_at_its_first_bytes(site: Site, tmp_path: Path) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b"<html>" * 10_000)
        except OSError:
            pass

    site.answers["/m.gguf"] = endless
    with pytest.raises(LLMError, match="web page"):
        fetch(site, tmp_path)


def test_a_token_goes_to_the_host_that_was_named_only(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAGENT_SECRET_127_0_0_1", "t0ken")
    with serving() as elsewhere:
        elsewhere.answers["/blob"] = ranged(MODEL)
        site.answers["/m.gguf"] = say("", 302, Location=f"{elsewhere.url}/blob")
        fetch(site, tmp_path)
        assert "authorization" not in elsewhere.seen[0][1]
    assert site.seen[0][1]["authorization"] == "Bearer t0ken"


def test_a_disk_that_is_too_small(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    site.answers["/m.gguf"] = ranged(MODEL)
    with pytest.raises(LLMError, match="disk is too small"):
        fetch(site, tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        "http://h/m.bin",
        "ftp://h/m.gguf",
        "http://h/..gguf",
        "http://u:p@h/m.gguf",
    ],
)
def test_urls_of_no_model_file(tmp_path: Path, url: str) -> None:
    with pytest.raises(LLMError, match=r"\.gguf"):
        pull(url, tmp_path / "models")
    with pytest.raises(LLMError, match="one part"):
        pull("http://h/m-00001-of-00002.gguf", tmp_path)
    assert is_empty(tmp_path)


def test_known_models_are_found_by_name_and_quantisation(tmp_path: Path) -> None:
    small, large = 2_000_000_000, 64_000_000_000
    assert find_known("qwen3-4b", small)[1].quantization == "Q4_K_M"
    assert find_known("qwen3-4b", large)[1].quantization == "Q8_0"
    assert find_known("Qwen3-4B:q4_k_m", large)[1].quantization == "Q4_K_M"
    for name in ("nobody", "qwen3-4b:Q2_K"):
        with pytest.raises(ModelNotFound, match="known: "):
            find_known(name, large)
    names = [model.name for model in KNOWN]
    assert [info.name for info in known_models(tmp_path)] == names
    (tmp_path / "qwen3-4b.gguf").write_bytes(MODEL)
    assert "qwen3-4b" not in [info.name for info in known_models(tmp_path)]
    assert find_model("qwen3-4b", tmp_path).kind == "file"
    assert find_model("qwen2.5-0.5b", tmp_path).kind == "known"
    with pytest.raises(ModelNotFound, match="models pull"):
        resolve_model("qwen2.5-0.5b", tmp_path)


def test_a_known_model_comes_from_the_hub_with_its_checksum(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"{site.url}/")
    for model in KNOWN:
        for build in model.builds:
            site.answers[f"/{build.place}"] = say(MODEL, X_Linked_ETag=f'"{SHA256}"')
    pulled = pull("granite-3.3-2b:Q8_0", tmp_path)
    assert (pulled.name, pulled.verified) == ("granite-3.3-2b-q8_0", True)
    with pytest.raises(LLMError, match="another checksum"):
        pull("qwen2.5-0.5b", tmp_path)


class Hub:
    """A small model hub with one repository."""

    def __init__(self, site: Site, files: dict[str, bytes], *, wrong: bool = False) -> None:
        self._site = site
        siblings = []
        for name, data in files.items():
            digest = hashlib.sha256(b"other" if wrong else data).hexdigest()
            lfs = {"sha256": digest, "size": len(data), "pointerSize": 130}
            weights = name.endswith((".safetensors", ".gguf"))
            siblings.append({"rfilename": name, "size": len(data), **({"lfs": lfs} if weights else {})})
            site.answers[f"/me/tiny/resolve/{'c' * 40}/{name}"] = say(
                data, ETag=f'"{digest}"', X_Repo_Commit="c" * 40
            )
        told = {"id": "me/tiny", "sha": "c" * 40, "siblings": siblings}
        for query in ("?blobs=true", "?blobs=True"):
            site.answers[f"/api/models/me/tiny{query}"] = say(
                json.dumps(told), Content_Type="application/json"
            )


FILES = {
    "config.json": b"{}",
    "modules.json": b"[]",
    "1_Pooling/config.json": b"{}",
    "model.safetensors": b"weights",
    "pytorch_model.bin": b"pickle",
    "onnx/model.onnx": b"onnx",
}


def test_a_repository(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", site.url)
    Hub(site, FILES)
    pulled = pull("me/tiny", tmp_path)
    assert (pulled.kind, pulled.path) == ("folder", tmp_path / "tiny")
    kept = {str(path.relative_to(pulled.path)) for path in pulled.path.rglob("*") if path.is_file()}
    assert kept == {"config.json", "modules.json", "1_Pooling/config.json", "model.safetensors"}
    assert (pulled.path / "model.safetensors").read_bytes() == b"weights"
    count = len(site.seen)
    assert pull("me/tiny", tmp_path) == pulled
    assert len(site.seen) == count


def test_a_repository_with_a_wrong_checksum_or_without_weights(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", site.url)
    Hub(site, FILES, wrong=True)
    with pytest.raises(LLMError, match="another checksum"):
        pull("me/tiny", tmp_path)
    Hub(site, {"config.json": b"{}", "m.gguf": b"GGUF"})
    with pytest.raises(LLMError, match=r"tiny/resolve/main/m\.gguf"):
        pull("me/tiny", tmp_path)
    with pytest.raises(ModelNotFound, match="me/absent"):
        pull("me/absent", tmp_path)
    assert is_empty(tmp_path)


def test_the_command(site: Site, tmp_path: Path) -> None:
    site.answers["/m.gguf"] = ranged(MODEL)
    ran = run_ragent(tmp_path, "models", "pull", f"{site.url}/m.gguf", "--sha256", SHA256, "--json")
    assert ran.code == 0, ran.err
    assert (ran.json["name"], ran.json["verified"]) == ("m", True)
    listed = run_ragent(tmp_path, "models", "list", "--json").json
    assert {"smollm2-135m", "m", "qwen3-4b"} <= {model["name"] for model in listed}
    assert run_ragent(tmp_path, "models", "info", "m", "--json").json["quantization"] == "Q8_0"
    assert "ragent models pull qwen3-4b" in run_ragent(tmp_path, "models", "info", "qwen3-4b").out
    failed = run_ragent(tmp_path, "models", "pull", f"{site.url}/absent.gguf", "--json")
    assert (failed.code, failed.json["error"]["type"]) == (1, "ModelNotFound")
