from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ragent.llm.stops import StopFilter

text = st.text("ab c", max_size=30)
stops = st.lists(st.text("ab c", min_size=1, max_size=4), max_size=3).map(tuple)


def run(pieces: list[str], stop: tuple[str, ...]) -> tuple[str, bool]:
    filtered = StopFilter(stop)
    return "".join([*map(filtered.feed, pieces), filtered.rest()]), filtered.stopped


@given(text, stops, st.lists(st.integers(0, 30), max_size=8).map(sorted))
def test_the_result_does_not_depend_on_how_text_is_cut(
    whole: str, stop: tuple[str, ...], cuts: list[int]
) -> None:
    edges = [0, *cuts, len(whole)]
    pieces = [whole[a:b] for a, b in pairwise(edges)]
    assert run(pieces, stop) == run([whole], stop)


@given(text, stops)
def test_what_comes_out_holds_no_stop_string_and_is_a_beginning(whole: str, stop: tuple[str, ...]) -> None:
    out, stopped = run([whole], stop)
    assert whole.startswith(out)
    assert not any(one in out for one in stop)
    assert stopped == any(one in whole for one in stop)
    assert stopped or out == whole


def test_text_is_not_held_back_longer_than_needed() -> None:
    filtered = StopFilter(("\nUser:",))
    assert filtered.feed("yes\nUs") == "yes"
    assert filtered.feed("ually") == "\nUsually"
