"""What says how far a keyword index is, and that its files are whole.

Written after tantivy's own commit. A process killed between the two leaves files that the manifest doesn't
know, and the index is then rebuilt: it can't claim a commit that it doesn't hold.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import xxhash

from ragent.errors import CorruptIndex
from ragent.index.files import replacing


@dataclass(frozen=True, slots=True)
class Manifest:
    """The state of a keyword index on disk.

    Attributes:
        made_with: what must be equal for the index to be usable.
        generation: the commit of the store that it shows.
        witness: checksums of a few stored vectors, by which an index of another database is known.
        removed: how many chunks were removed since it was built.
        files: by name, the checksum of each file.
    """

    made_with: Mapping[str, Any]
    generation: int
    witness: Mapping[str, str]
    removed: int
    files: Mapping[str, str]


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Swap the manifest in, in one step."""
    text = json.dumps(asdict(manifest))
    with replacing(path) as temporary:
        temporary.write_text(json.dumps({"manifest": text, "checksum": _checksum(text.encode())}), "utf-8")


def read_manifest(path: Path, made_with: Mapping[str, Any]) -> Manifest:
    """Raises FileNotFoundError, or CorruptIndex for one that is damaged or made with something else."""
    try:
        read = json.loads(path.read_text("utf-8"))
        if read["checksum"] != _checksum(read["manifest"].encode()):
            raise ValueError("its checksum doesn't match")
        manifest = Manifest(**json.loads(read["manifest"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptIndex(f"{path}: {error}", hint="ragent index rebuild") from error
    if manifest.made_with != dict(made_with):
        raise CorruptIndex(f"{path}: made with other settings", hint="ragent index rebuild")
    return manifest


def checksums(folder: Path, known: Mapping[str, str]) -> dict[str, str]:
    """The checksum of each of tantivy's files. Of those in `known`, only meta.json is read again."""
    return {
        path.name: known[path.name]
        if path.name in known and path.name != "meta.json"
        else _checksum(path.read_bytes())
        for path in sorted(folder.iterdir())
        if not path.name.startswith(".")
    }


def _checksum(data: bytes) -> str:
    return xxhash.xxh3_128_hexdigest(data)
