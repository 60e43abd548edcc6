"""Subtitles (WebVTT and SubRip): what is said, in paragraphs that know their time."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ragent.errors import ParseError
from ragent.types import Document, RawDocument
from ragent_connectors.parsers.decoding import decode, is_binary, unicode_encoding
from ragent_connectors.parsers.titles import choose_title
from ragent_connectors.parsers.writer import TextWriter

_TIME = r"(?:\d{1,4}:)?[0-5]?\d:[0-5]?\d[.,]\d{1,3}"
_TIMING = re.compile(rf"[ \t]*({_TIME})[ \t]*-->[ \t]*({_TIME})[^\n]*")
_VTT = "WEBVTT"
_SRT = re.compile(rf"\s*(?:\d+[ \t]*\r?\n)?{_TIMING.pattern}")
_VOICE = re.compile(r"<v(?:\.[^ >]*)?[ \t]+([^>]+)>")
_MARK = re.compile(r"</?[a-zA-Z][^<>\n]{0,100}>|<\d[\d:.]*>|\{\\[^{}\n]{0,100}\}")
_SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’»)]*$")
_HEAD = 1024
_LONG, _LONGEST = 300, 1000
_PAUSE = 4.0


@dataclass(slots=True)
class _Paragraph:
    """Cues that belong together."""

    start: float
    end: float
    speaker: str = ""
    lines: list[str] = field(default_factory=list)

    def takes(self, start: float, speaker: str) -> bool:
        """Whether a cue continues it: no other speaker, no pause, and no end that a reader would see."""
        size = sum(map(len, self.lines))
        ended = size >= _LONG and _SENTENCE_END.search(self.lines[-1])
        return self.speaker == speaker and start - self.end < _PAUSE and not ended and size < _LONGEST


class SubtitleParser:
    """Takes what begins like WebVTT or with the timing of a SubRip cue."""

    def accepts(self, raw: RawDocument) -> float:
        if is_binary(raw.data):
            return 0.0
        head = (
            raw.data[:_HEAD].decode(unicode_encoding(raw.data) or "utf-8", "replace").removeprefix("\ufeff")
        )
        begins = head.startswith(_VTT) and not head.removeprefix(_VTT)[:1].strip()
        return 0.95 if begins or _SRT.match(head) else 0.0

    def parse(self, raw: RawDocument) -> Document:
        text = decode(raw)
        writer = TextWriter()
        for paragraph in _paragraphs(text):
            words = " ".join(paragraph.lines)
            said = f"{paragraph.speaker}: {words}" if paragraph.speaker else words
            label = f"{_clock(paragraph.start)}–{_clock(paragraph.end)}"
            writer.add("paragraph", said, label=label)
        if not writer.text:
            raise ParseError(f"{raw.name} holds no cues", hint="it has times, but no text under them")
        return Document(
            uri=raw.uri,
            title=choose_title(raw, (_title(text),)),
            text=writer.text,
            media_type="text/vtt" if text.startswith(_VTT) else "application/x-subrip",
            blocks=writer.blocks,
        )


def _paragraphs(text: str) -> Iterator[_Paragraph]:
    current: _Paragraph | None = None
    for start, end, speaker, words in _cues(text):
        if current is not None and current.takes(start, speaker):
            if words != current.lines[-1]:  # rolling captions repeat the line before
                current.lines.append(words)
            current.end = max(end, current.end)
            continue
        if current is not None:
            yield current
        current = _Paragraph(start, end, speaker, [words])
    if current is not None:
        yield current


def _cues(text: str) -> Iterator[tuple[float, float, str, str]]:
    """Start, end, speaker and text of each cue that says something."""
    lines = text.split("\n")
    index = 0
    while index < len(lines):
        timing = _TIMING.fullmatch(lines[index])
        index += 1
        if timing is None:
            continue
        said = []
        while index < len(lines) and lines[index].strip() and not _TIMING.fullmatch(lines[index]):
            said.append(lines[index])
            index += 1
        speaker, words = _spoken("\n".join(said))
        if words:
            yield _seconds(timing[1]), _seconds(timing[2]), speaker, words


def _spoken(cue: str) -> tuple[str, str]:
    voice = _VOICE.search(cue)
    words = html.unescape(_MARK.sub("", _VOICE.sub("", cue)))
    return (" ".join(voice[1].split()) if voice else ""), " ".join(words.split())


def _seconds(clock: str) -> float:
    seconds = 0.0
    for part in clock.replace(",", ".").split(":"):
        seconds = seconds * 60 + float(part)
    return seconds


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"


def _title(text: str) -> str | None:
    """What stands behind `WEBVTT` on the first line."""
    first = text.partition("\n")[0]
    return first.removeprefix(_VTT).strip(" \t-") if first.startswith(_VTT) else None
