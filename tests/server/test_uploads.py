"""What is sent does no harm: names, archives, sizes."""

from __future__ import annotations

import io
import socket
import stat
import zipfile
from collections.abc import Iterator

import pytest

from ragent.service.uploads import folder_of
from tests.server.conftest import Running
from tests.server.two_people import Request, TwoPeople

CUNNING = [
    "../../../../outside.txt",
    "..\\..\\outside.txt",
    "/tmp/outside.txt",
    "C:\\outside.txt",
    "a/../../outside.txt",
    "%2e%2e%2foutside.txt",
    "out\r\nX-Injected: 1\r\n.txt",
    "..\u2215outside.txt",
    "a" * 5000 + ".txt",
    ".part",
    "con.txt",
    "<script>alert(1)</script>.txt",
]


@pytest.mark.parametrize("name", CUNNING)
def test_an_upload_stays_in_its_folder(two: TwoPeople, name: str) -> None:
    boundary = "----b"
    quoted = name.replace('"', "%22").replace("\r\n", "%0D%0A")
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{quoted}"\r\n'
        f"Content-Type: text/plain\r\n\r\nwhatever\r\n--{boundary}--\r\n"
    ).encode()
    root = two.service.home.parent
    before = set(root.rglob("*"))
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    sent = ("POST", "/uploads", {"params": {"collection": "mine"}, "content": body, "headers": headers})
    answer = two.send("ed", sent)
    assert answer.status_code in {202, 400, 422}, answer.text
    assert "X-Injected" not in answer.headers
    folder = folder_of(two.service.home, "mine")
    new = [path for path in set(root.rglob("*")) - before if path.is_file() and "uploads" in path.parts]
    assert all(path.parent == folder for path in new)


def test_nothing_is_read_of_an_upload_that_is_not_allowed(two: TwoPeople) -> None:
    def endless() -> Iterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = two.client.post("/uploads", content=endless(), headers=headers)
    assert answer.status_code == 401
    sent = (
        "POST",
        "/uploads",
        {"params": {"collection": "theirs"}, "content": endless(), "headers": headers},
    )
    assert two.send("ed", sent).status_code == 404


def zipped(**members: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return packed.getvalue()


def linked() -> bytes:
    """An archive of a link to a file outside, and of a file below it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        entry = zipfile.ZipInfo("way")
        entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc")
        archive.writestr("way/outside.txt", "This leads out.")
    return packed.getvalue()


ARCHIVES = {
    "bomb": zipped(**{"big.txt": bytes(20 * 2**20)}),
    "bomb of many": zipped(**{f"{number}.txt": bytes(2**20 - 1) for number in range(15)}),
    "way out": zipped(**{"../../../outside.txt": b"This leads out.", "/tmp/outside.txt": b"So does this."}),
    "link": linked(),
    "file and folder of one name": zipped(**{"a": b"a file", "a/b.txt": b"in a folder of that name"}),
    "folder and file of one name": zipped(**{"a/b.txt": b"in a folder of that name", "a": b"a file"}),
    "deep": zipped(**{"/".join(["deep"] * 190) + "/a.txt": b"deep down", "b.txt": b"on top"}),
    "long": zipped(**{"/".join(["long" * 60] * 4) + ".txt": b"a long name"}),
    "odd names": zipped(**{"con/ .txt": b"a", "a//b.txt": b"b", "...": b"c", "\x07.txt": b"d"}),
    "cut": zipped(**{"a.txt": bytes(range(256)) * 50})[:-30],
}


@pytest.mark.parametrize("name", sorted(ARCHIVES))
def test_an_archive_does_no_harm(two: TwoPeople, name: str) -> None:
    sent: Request = (
        "POST",
        "/uploads",
        {"params": {"collection": "mine"}, "files": {"files": (f"{name}.zip", ARCHIVES[name])}},
    )
    for _ in range(2):
        answer = two.send("ed", sent)
        assert answer.status_code in {202, 422}, answer.text
    root = two.service.home.parent
    assert not [path for path in root.parent.rglob("outside.txt") if "uploads" not in path.parts]
    assert not [path for path in root.rglob("*") if path.is_symlink()]
    folder = folder_of(two.service.home, "mine")
    kept = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert kept < 12 * 2**20


def test_more_than_may_be_uploaded_is_refused(two: TwoPeople) -> None:
    files = {"files": ("big.txt", bytes(2 * 2**20))}
    sent: Request = ("POST", "/uploads", {"params": {"collection": "mine"}, "files": files})
    assert two.send("ed", sent).status_code == 413
    body = ("POST", "/search", {"json": {"query": "x" * 2**20, "collection": "mine"}})
    assert two.send("ed", body).status_code == 413
    assert not list(two.service.home.rglob("*.part"))


def test_a_body_without_a_length_is_cut_off_when_it_is_too_large(server: Running) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(
            f"POST /search HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            "Transfer-Encoding: chunked\r\n\r\n".encode()
        )
        piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        sent = 0
        try:
            while sent < 64 * 2**20:
                connection.sendall(piece)
                sent += len(piece)
        except OSError:
            pass  # the server has closed it
        assert sent < 64 * 2**20
    with server.client() as client:
        assert client.get("/health").status_code == 200
