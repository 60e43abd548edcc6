from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest

from ragent.errors import ParseError
from ragent.types import Document, RawDocument
from ragent_connectors.parsers.archives import Package, part_names

Parse = Callable[[str, bytes | str], Document]
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def zipped(**parts: str) -> RawDocument:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return RawDocument("file:///a", "a.zip", buffer.getvalue())


@pytest.mark.parametrize(("stream", "target"), [("WordDocument", "docx"), ("PowerPoint Document", "pptx")])
def test_old_office_files_are_refused_with_the_command_that_converts_them(
    parse: Parse, stream: str, target: str
) -> None:
    with pytest.raises(ParseError, match=rf"can't be read here\n.*soffice --headless --convert-to {target}"):
        parse("a.bin", OLE + bytes(600) + stream.encode("utf-16-le") + bytes(600))


@pytest.mark.parametrize("name", ["a.docx", "a.xlsx", "a.pptx"])
def test_encrypted_office_files_need_a_password(parse: Parse, name: str) -> None:
    with pytest.raises(ParseError, match=r"is encrypted\n.*password"):
        parse(name, OLE + bytes(600) + "EncryptedPackage".encode("utf-16-le"))


def test_names_are_read_from_a_truncated_archive_too() -> None:
    whole = zipped(one="1" * 100, two="2" * 100)
    cut = RawDocument(whole.uri, whole.name, whole.data[:-60])
    assert part_names(whole) == part_names(cut) == {"one", "two"}
    assert part_names(RawDocument("file:///b", "b", b"no archive")) == frozenset()


def test_xml_parts_expand_no_entities() -> None:
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    package = Package(
        zipped(bomb=f'<!DOCTYPE d [<!ENTITY e0 "x">{levels}]><d>&e11;</d>', deep="<a>" * 9999), "ZIP"
    )
    for part in ("bomb", "deep", "missing"):
        with pytest.raises(ParseError, match="damaged ZIP file"):
            package.xml(part)
