from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
from collections.abc import Callable, Mapping

import pytest

from ragent.ingest.unpacking import unpack
from ragent.types import Failure, RawDocument, UnpackLimits
from ragent_connectors.containers.tar_archive import TarContainer
from ragent_connectors.containers.zip_archive import ZipContainer

Files = Mapping[str, bytes]
NOTES = {"a.md": b"# A", "inner/b ü.txt": b"words"}


def zipped(files: Files) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def tarred(files: Files) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def opened(data: bytes, name: str = "x", **limits: int) -> list[RawDocument | Failure]:
    return list(unpack(RawDocument(f"file:///{name}", name, data), UnpackLimits(**limits)))


def texts(data: bytes, **limits: int) -> dict[str, bytes]:
    found = opened(data, **limits)
    return {m.uri.removeprefix("file:///x!/"): m.data for m in found if isinstance(m, RawDocument)}


def failures(data: bytes, **limits: int) -> list[tuple[str, str]]:
    return [(m.uri, m.error) for m in opened(data, **limits) if isinstance(m, Failure)]


MAKERS: dict[str, Callable[[Files], bytes]] = {
    "zip": zipped,
    "tar": tarred,
    "tar.gz": lambda files: gzip.compress(tarred(files)),
    "tar.bz2": lambda files: bz2.compress(tarred(files)),
    "tar.xz": lambda files: lzma.compress(tarred(files)),
}


@pytest.fixture(params=list(MAKERS))
def pack(request: pytest.FixtureRequest) -> Callable[[Files], bytes]:
    return MAKERS[request.param]


Pack = Callable[[Files], bytes]


def test_what_is_no_container_is_itself() -> None:
    raw = RawDocument("file:///x", "x", b"words")
    assert list(unpack(raw)) == [raw]


def test_an_archive_is_its_files(pack: Pack) -> None:
    assert texts(pack(NOTES)) == {"a.md": b"# A", "inner/b%20%C3%BC.txt": b"words"}
    names = [m.name for m in opened(pack(NOTES)) if isinstance(m, RawDocument)]
    assert names == ["a.md", "b ü.txt"]


def test_hidden_files_are_passed_over(pack: Pack) -> None:
    hidden = {".git/config": b"x", "__MACOSX/._a.md": b"x", "d/.DS_Store": b"x"}
    assert list(texts(pack({**hidden, "a.md": b"# A"}))) == ["a.md"]


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/../../b", "/etc/passwd", "..\\..\\b", "C:\\b"])
def test_names_that_lead_out_are_refused_and_the_rest_is_read(pack: Pack, name: str) -> None:
    data = pack({name: b"evil", "a.md": b"# A"})
    assert texts(data) == {"a.md": b"# A"}
    assert ["leads out" in error for _, error in failures(data)] == [True]


def test_a_name_that_comes_twice_is_told(pack: Pack) -> None:
    data = pack({"a.md": b"first", "./a.md": b"second"})
    assert texts(data) == {"a.md": b"first"}
    assert ["more than one file" in error for _, error in failures(data)] == [True]


def test_archives_within_archives_are_opened_up_to_a_depth(pack: Pack) -> None:
    data = pack(NOTES)
    for level in range(3):
        data = pack({f"{level}.bin": data, f"{level}.txt": b"words"})
    assert set(texts(data)) == {"2.txt", "2.bin!/1.txt", "2.bin!/1.bin!/0.txt"}
    ((uri, error),) = failures(data)
    assert uri == "file:///x!/2.bin!/1.bin!/0.bin"
    assert "nested more than 3 deep" in error


def test_too_many_files_end_it(pack: Pack) -> None:
    data = pack({f"{n}.txt": b"x" for n in range(9)})
    assert len(texts(data, members=4)) == 4
    assert failures(data, members=4) == [
        ("file:///x", "it holds more than 4 files: unpack it and ingest the folder")
    ]
    assert not failures(data, members=9)


def test_members_of_nested_archives_count_too(pack: Pack) -> None:
    inner = pack({f"{n}.txt": b"x" for n in range(5)})
    data = pack({"a.bin": inner, "b.bin": inner})
    assert len(texts(data, members=8)) == 6  # the two archives count as files


def test_a_large_member_is_refused_and_the_rest_is_read(pack: Pack) -> None:
    data = pack({"bomb.txt": bytes(5_000_000), "a.md": b"# A"})
    assert texts(data, member_bytes=1_000_000) == {"a.md": b"# A"}
    assert failures(data, member_bytes=1_000_000)[0][0] == "file:///x!/bomb.txt"


def test_a_bomb_of_many_members_is_stopped(pack: Pack) -> None:
    data = pack({f"{n}.txt": bytes(100_000) for n in range(50)})
    assert len(texts(data, total_bytes=1_000_000)) <= 11
    assert "unpacks to more than 1 MB" in failures(data, total_bytes=1_000_000)[-1][1]


def test_a_member_nobody_wants_counts_against_a_compressed_stream() -> None:
    data = gzip.compress(tarred({"bomb.txt": bytes(5_000_000), "a.md": b"# A"}))
    assert texts(data, member_bytes=1000, total_bytes=1_000_000) == {}
    assert [uri for uri, _ in failures(data, member_bytes=1000, total_bytes=1_000_000)] == [
        "file:///x!/bomb.txt",
        "file:///x",
    ]


def test_a_zip_that_lies_about_its_sizes_is_no_way_around_the_limit() -> None:
    data = bytearray(zipped({"a.txt": bytes(5_000_000)}))
    place = data.index(b"PK\1\2") + 24  # the size of what comes out, in the directory at the end
    data[place : place + 4] = struct.pack("<I", 100)
    member = opened(bytes(data), member_bytes=1000)[0]
    assert isinstance(member, Failure) or len(member.data) <= 1000


def test_an_encrypted_member_is_a_failure() -> None:
    data = bytearray(zipped({"secret.txt": b"x" * 50, "a.md": b"# A"}))
    place = data.index(b"PK\1\2") + 8
    data[place] |= 1
    assert texts(bytes(data)) == {"a.md": b"# A"}
    ((uri, error),) = failures(bytes(data))
    assert uri.endswith("secret.txt")
    assert "encrypted" in error


def test_links_and_devices_are_not_read() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, kind in (("s", tarfile.SYMTYPE), ("h", tarfile.LNKTYPE), ("d", tarfile.CHRTYPE)):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, "/etc/passwd"
            archive.addfile(entry)
    assert [(uri, "device" in error) for uri, error in failures(out.getvalue())] == [("file:///x!/d", True)]
    link = zipfile.ZipInfo("s")
    link.external_attr = 0o120777 << 16
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as zip_archive:
        zip_archive.writestr(link, "/etc/passwd")
    assert opened(made.getvalue()) == []


@pytest.mark.parametrize("suffix", ["zip", "tar.gz", "tar.xz", "tar.bz2"])
def test_a_damaged_archive_is_a_failure_and_what_came_before_is_read(suffix: str) -> None:
    files = {f"{n}.txt": bytes(range(256)) * 20 for n in range(30)}
    whole = MAKERS[suffix](files)
    found = opened(whole[: len(whole) // 2])
    assert isinstance(found[-1], Failure)


@pytest.mark.parametrize(
    ("name", "compress"), [("notes.md.gz", gzip.compress), ("n.bz2", bz2.compress), ("n.xz", lzma.compress)]
)
def test_a_single_compressed_file_is_one_member(name: str, compress: Callable[[bytes], bytes]) -> None:
    (member,) = opened(compress(b"# A") + b"", name)
    assert isinstance(member, RawDocument)
    assert (member.name, member.data) == (name.rpartition(".")[0], b"# A")
    (bomb,) = opened(compress(bytes(5_000_000)), name, member_bytes=1_000_000)
    assert isinstance(bomb, Failure)


def test_joined_streams_are_one_file() -> None:
    for compress in (gzip.compress, bz2.compress, lzma.compress):
        (member,) = opened(compress(b"one ") + compress(b"two"))
        assert isinstance(member, RawDocument)
        assert member.data == b"one two"


def test_office_documents_are_no_folders() -> None:
    for mark in ("[Content_Types].xml", "mimetype"):
        raw = RawDocument("file:///x", "x.zip", zipped({mark: b"x", "word/document.xml": b"<x/>"}))
        assert ZipContainer().accepts(raw) == 0
        assert list(unpack(raw)) == [raw]
    assert TarContainer().accepts(RawDocument("file:///x", "x.tar", b"words" * 200)) == 0
