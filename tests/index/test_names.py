from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragent.index.names import decode_names, encode_names, key_of, names_of, normalise


def test_runs_of_capitalised_words_are_names_and_so_is_each_word() -> None:
    found = names_of("In 1962 the crane was built by Nils Halvorsen for the Bank of England in Oslo.")
    assert {"1962", "nils halvorsen", "nils", "halvorsen", "bank of england", "oslo"} <= found
    assert found.isdisjoint({"crane", "in", "built", "for the bank of england"})


def test_identifiers_are_names() -> None:
    assert {"readfile", "http2", "b747"} <= names_of("we call readFile over HTTP2 for the plane b747 often")


def test_what_only_opens_a_sentence_is_no_name() -> None:
    found = names_of("Boats leave the harbour of Bergen. We saw the boats there. Gulls follow.")
    assert "bergen" in found
    assert "boats" not in found


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("the harbour of south dakota lies far from any sea", "south dakota"),
        ("THE CRANE WAS BUILT BY NILS HALVORSEN", "nils halvorsen"),
        ("ولد الملك فاروق في القاهرة", "القاهرة"),
        ("東京タワーは高い", "東 京 タ"),
    ],
    ids=["lower", "upper", "arabic", "japanese"],
)
def test_where_case_says_nothing_runs_of_words_count(text: str, name: str) -> None:
    assert name in names_of(text)


def test_accents_case_and_possessives_make_no_other_name() -> None:
    assert normalise("Agüero’s ‘Straße’") == normalise("AGUERO strasse") == "aguero strasse"


@given(st.text(), st.text())
def test_names_survive_being_kept(context: str, text: str) -> None:
    keys = decode_names(encode_names(context, text))
    assert keys is not None
    assert keys.tolist() == sorted({key_of(name) for name in names_of(f"{context}\n{text}")})


@given(st.text())
def test_a_name_is_normalised(text: str) -> None:
    assert all(normalise(name) == name for name in names_of(text) if name.isascii())


@pytest.mark.parametrize("data", [b"", b"short", np.array([99, 5], "<i8").tobytes()])
def test_names_of_another_version_are_none(data: bytes) -> None:
    assert decode_names(data) is None
