"""ZIP archives that are documents: what is in them, without falling for bombs."""

from __future__ import annotations

import io
import lzma
import posixpath
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from ragent.errors import ParseError
from ragent.types import RawDocument
from ragent_connectors.parsers.decoding import clean

if TYPE_CHECKING:
    from lxml.etree import _Element

Read = TypeVar("Read")
DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError),
    *(ValueError, RuntimeError, NotImplementedError, IndexError),
)
_LOCAL_HEADER = re.compile(rb"PK\x03\x04.{22}(.{2}).{2}", re.DOTALL)
_MAX_BYTES = 500_000_000
_MAX_XML_BYTES = 100_000_000
# The namespaces of "strict" Office Open XML, which otherwise is the same (ECMA-376 part 1, annex A).
_STRICT = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/")
_PROPERTIES = "docProps/core.xml"
_NAMES = {"creator": "author"} | {
    name: name for name in ("title", "subject", "keywords", "created", "modified")
}
# Deflate reaches 1000:1 only on zeros; real documents stay under 50:1.
_MAX_RATIO = 200
_RATIO_MATTERS = 20_000_000


def part_names(raw: RawDocument) -> frozenset[str]:
    """Names of the files in an archive, even a truncated one; empty where the bytes are no archive."""
    if not raw.data.startswith(b"PK"):
        return frozenset()
    try:
        with zipfile.ZipFile(io.BytesIO(raw.data)) as archive:
            return frozenset(archive.namelist())
    except DAMAGE:
        return frozenset(_local_names(raw.data))


def open_archive(raw: RawDocument, kind: str) -> zipfile.ZipFile:
    """The archive, if what it declares is bearable; `zipfile` never unpacks more than is declared.

    Args:
        raw: The document.
        kind: Its format, for messages.

    Raises:
        ParseError: it is damaged, encrypted, or would unpack to an absurd size.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(raw.data))
    except DAMAGE as error:
        raise ParseError(f"{raw.name} is a damaged {kind} file: {error}", hint="get a whole copy") from error
    entries = archive.infolist()
    if any(entry.flag_bits & 1 for entry in entries):
        raise ParseError(f"{raw.name} is encrypted", hint="it needs a password: save it without one")
    total = sum(entry.file_size for entry in entries)
    xml = sum(entry.file_size for entry in entries if entry.filename.endswith((".xml", ".rels")))
    absurd = total > _RATIO_MATTERS and total > _MAX_RATIO * len(raw.data)
    if total > _MAX_BYTES or xml > _MAX_XML_BYTES or absurd:
        raise ParseError(
            f"{raw.name} would unpack to {total / 1e6:.0f} MB from {len(raw.data) / 1e6:.1f} MB",
            hint="it looks like a zip bomb: ingest its text in another form if you trust it",
        )
    return archive


class Package:
    """An opened archive of XML parts."""

    def __init__(self, raw: RawDocument, kind: str) -> None:
        self._raw = raw
        self._kind = kind
        self._archive = open_archive(raw, kind)
        self.names = frozenset(self._archive.namelist())

    def read(self, name: str) -> bytes:
        """The bytes of a part.

        Raises:
            ParseError: it is missing or damaged.
        """
        try:
            return self._archive.read(name)
        except (KeyError, *DAMAGE) as error:
            raise ParseError(
                f"{self._raw.name} is a damaged {self._kind} file: {name}: {error}", hint="get a whole copy"
            ) from error

    def xml(self, name: str) -> _Element:
        """The root of an XML part. Entities are neither expanded nor fetched.

        Raises:
            ParseError: it is missing, damaged or nested without bounds.
        """
        from lxml import etree

        data = _STRICT.sub(rb"http://schemas.openxmlformats.org/\1/2006/", self.read(name))

        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True
        )
        try:
            return etree.fromstring(data, parser)
        except (etree.XMLSyntaxError, ValueError) as error:
            raise ParseError(
                f"{self._raw.name} is a damaged {self._kind} file: {name}: {error}", hint="get a whole copy"
            ) from error

    def optional(self, read: Callable[[Package], Read]) -> Read | None:
        """What a part says that the document can do without; None where it is missing or damaged."""
        try:
            return read(self)
        except ParseError:
            return None


def relations(package: Package, part: str) -> dict[str, tuple[str, str]]:
    """What a part (or the package, called "") refers to inside the file: by id, the kind and the part's name.

    Raises:
        ParseError: the listing is damaged.
    """
    folder, _, name = part.rpartition("/")
    listing = posixpath.join(folder, "_rels", f"{name}.rels")
    if listing not in package.names:
        return {}
    found = {}
    for relation in package.xml(listing):
        if relation.get("TargetMode") != "External":
            kind = relation.get("Type", "").rpartition("/")[2]
            target = posixpath.normpath(posixpath.join("/", folder, relation.get("Target", "")))
            found[relation.get("Id", "")] = (kind, target.lstrip("/"))
    return found


def local_name(element: _Element) -> str:
    """An element's name without its namespace; "" for what is no element, such as an entity."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def attribute(attributes: Mapping[str, str], name: str) -> str:
    """The value of an attribute whatever its namespace is; "" where it is missing."""
    return next((value for key, value in attributes.items() if key.rpartition("}")[2] == name), "")


def core_properties(package: Package) -> dict[str, str]:
    """Title, author and dates of an Office Open XML package (ECMA-376 part 2, 11.1)."""
    if _PROPERTIES not in package.names:
        return {}
    found = {local_name(element): element.text or "" for element in package.xml(_PROPERTIES)}
    named = {_NAMES[key]: clean(text).strip() for key, text in found.items() if key in _NAMES}
    return {key: text for key, text in named.items() if text}


def _local_names(data: bytes) -> set[str]:
    names = set()
    for match in _LOCAL_HEADER.finditer(data):
        length = int.from_bytes(match[1], "little")
        names.add(data[match.end() : match.end() + length].decode("utf-8", "replace"))
    return names
