from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragent.errors import SourceError, TooMuch
from ragent.service import Session
from ragent.service.uploads import safe_name
from tests.service.conftest import finished

pytestmark = pytest.mark.usefixtures("store_url")


@given(st.text(max_size=300))
def test_a_name_stays_in_its_folder(name: str) -> None:
    try:
        kept = safe_name(name)
    except SourceError:
        return
    assert Path("/folder", kept).resolve().parent == Path("/folder")
    assert len(kept.encode()) <= 150
    assert not kept.startswith(".")


@pytest.mark.parametrize("name", ["", "..", "/", "a/..", "\0"])
def test_names_of_which_nothing_is_left_are_refused(name: str) -> None:
    if name == "\0":
        assert safe_name(name) == "_"
    else:
        with pytest.raises(SourceError):
            safe_name(name)


def test_what_is_too_large_leaves_nothing_behind(ed: Session) -> None:
    def pieces() -> list[bytes]:
        return [bytes(2**20)] * 101

    with pytest.raises(TooMuch):
        ed.upload("default", "big.txt", pieces())
    assert not [path for path in (ed.service.home / "uploads").rglob("*") if path.is_file()]


def test_an_archive_becomes_a_folder_whose_files_can_be_forgotten(ed: Session) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("notes/red.txt", "The red buoy marks the shoal.")
        archive.writestr("notes/green.txt", "The green buoy marks the channel.")
        archive.writestr("../../outside.txt", "This leads out.")
    path, failed = ed.upload("default", "buoys.zip", [packed.getvalue()])
    assert path.is_dir()
    assert ["leads out" in failure.error for failure in failed] == [True]
    done = finished(ed, ed.ingest("default", [str(path)]))
    assert done.report["added"] == 2
    red = next(one for one in ed.documents.list("default") if "red" in one.uri)
    assert ed.documents.forget(red.id).proof.found == ()
    assert [Path(one.uri).name for one in ed.documents.list("default")] == ["green.txt"]
    assert not list(ed.service.home.rglob("outside.txt"))
