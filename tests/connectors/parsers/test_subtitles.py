from __future__ import annotations

from collections.abc import Callable

import pytest

from ragent.errors import ParseError
from ragent.types import Document

Parse = Callable[[str, bytes | str], Document]


def said(document: Document) -> list[tuple[str, str]]:
    return [(b.label, document.text[b.start : b.end]) for b in document.blocks]


def test_cues_become_paragraphs_that_know_their_time(parse: Parse) -> None:
    document = parse(
        "talk.vtt",
        "WEBVTT - My talk\n\nNOTE not said\nat all\n\nSTYLE\n::cue {}\n\nintro\n"
        "00:01.000 --> 00:04.000 align:start\n"
        "<v Roger Bingham>We are in <i>New York</i>\n&amp; more\n\n00:04.500 --> 00:00:06.000\n"
        "<v Roger Bingham>again.\n\n00:06.000 --> 00:07.000\n<v Neil>Hello.\n\n"
        "01:00:01.000 --> 01:00:02.000\n<v Neil><00:01.200>Late.\n",
    )
    assert document.title == "My talk"
    assert document.media_type == "text/vtt"
    assert said(document) == [
        ("00:00:01–00:00:06", "Roger Bingham: We are in New York & more again."),
        ("00:00:06–00:00:07", "Neil: Hello."),
        ("01:00:01–01:00:02", "Neil: Late."),
    ]


def test_subrip_is_known_by_its_first_cue(parse: Parse) -> None:
    source = (
        "\ufeff1\r\n00:00:01,000 --> 00:00:02,500\r\n{\\an8}Hello <b>you</b>\r\n\r\n"
        "2\r\n00:00:03,000 --> 00:00:04,500\r\nthere.\r\n"
    )
    for name in ("talk.srt", "talk.txt"):
        document = parse(name, source)
        assert said(document) == [("00:00:01–00:00:04", "Hello you there.")]
        assert document.media_type == "application/x-subrip"


def test_long_talk_is_parted_at_sentences(parse: Parse) -> None:
    cues = "\n".join(
        f"{n}\n00:{n // 60:02}:{n % 60:02},000 --> 00:{n // 60:02}:{n % 60:02},900\nThis is sentence {n}.\n"
        for n in range(1, 200)
    )
    document = parse("talk.srt", cues)
    assert 8 < len(document.blocks) < 20
    assert document.blocks[-1].label.endswith("–00:03:19")
    assert all(f"sentence {n}." in document.text for n in range(1, 200))


def test_rolling_captions_say_each_line_once(parse: Parse) -> None:
    lines = ["one", "one", "two"]
    cues = [f"00:0{n}.000 --> 00:0{n + 1}.000\n{line}\n" for n, line in enumerate(lines)]
    assert parse("a.vtt", "WEBVTT\n\n" + "\n".join(cues)).text == "one two"


def test_times_without_words_are_refused(parse: Parse) -> None:
    with pytest.raises(ParseError, match="holds no cues"):
        parse("a.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\n\n")
