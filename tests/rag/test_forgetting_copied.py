"""A home that was copied from another forgets its copies of uploads, and leaves the other alone."""

from __future__ import annotations

from pathlib import Path

from ragent.config import IndexSettings
from ragent.rag.forgetting import UPLOADS, forget
from ragent.store import Store
from ragent.store.copying import copy_database
from ragent.store.places import copy_files
from tests.making import FINGERPRINT, new_document

SECRET = "The vermilion ledger lies in the third drawer."


def test_copies_of_uploads_are_forgotten_too(tmp_path: Path) -> None:
    upload = tmp_path / "one" / UPLOADS / "digest" / "a b.txt"
    upload.parent.mkdir(parents=True)
    upload.write_text(SECRET)
    with Store.open(tmp_path / "one") as one, Store.open(tmp_path / "two") as two:
        collection = one.ensure_collection("default", FINGERPRINT)
        one.write(collection, [new_document(upload.as_uri(), [SECRET]), new_document("b", ["It stays."])])
        copy_database(one.database, two.database)
        copy_files(one.home, two.home)
        copied = two.home / UPLOADS / "digest" / "a b.txt"
        assert copied.read_text() == SECRET
        report = forget(two, [upload.as_uri()], IndexSettings())
    assert report.proof.found == ()
    assert not copied.exists()
    assert upload.exists()
