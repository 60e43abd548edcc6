"""Reads text off images with Tesseract, where its command is installed."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass

from ragent.errors import ParseError

INSTALL_HINT = "install Tesseract for OCR (apt-get install tesseract-ocr, or brew install tesseract)"
_LANGUAGES = "OCR_LANGUAGES"
OCR_HINT = f"name its language (install tesseract-ocr-deu, set {_LANGUAGES}=deu), or leave it out"
_SECONDS = 120
_MEMORY = 2_000_000_000
_WORD = "5"
# Below this, what Tesseract reads off pictures is mostly no text at all.
_LEAST_CONFIDENCE = 30
# The mean over a page: blurred print reaches 60, a script that Tesseract wasn't told of 45.
_LEAST_SURE = 55


@dataclass(frozen=True, slots=True)
class OcrPage:
    """The paragraphs of one page, in reading order, and how sure Tesseract was of their words, 0 to 100."""

    number: int
    paragraphs: tuple[str, ...]
    confidence: float


@dataclass(frozen=True, slots=True)
class _Word:
    page: int
    paragraph: tuple[int, int]
    line: int
    text: str
    confidence: float


def is_available() -> bool:
    """Whether the `tesseract` command is there."""
    return shutil.which("tesseract") is not None


def read_image(image: bytes, *, dpi: int | None = None) -> list[OcrPage]:
    """The text of an image that Tesseract knows (PNG, JPEG, TIFF, PNM), without the pages that have none.

    The languages to expect are in the environment as OCR_LANGUAGES (`eng+deu`); English if it is not set.

    Raises:
        ParseError: Tesseract is not installed, refuses the image, takes too long, or isn't sure of any page.
    """
    command = ["tesseract", "stdin", "stdout"]
    if dpi:
        command += ["--dpi", str(dpi)]
    if languages := os.environ.get(_LANGUAGES):
        command += ["-l", languages]
    try:
        done = _run([*command, "tsv"], image)
    except FileNotFoundError as error:
        raise ParseError("it is an image, and reading images needs OCR", hint=INSTALL_HINT) from error
    except subprocess.TimeoutExpired as error:
        raise ParseError(f"OCR took over {_SECONDS} s", hint="make the image smaller") from error
    if done.returncode:
        reason = " ".join(done.stderr.decode("utf-8", "replace").split()) or "it ran out of memory or time"
        raise ParseError(f"OCR failed: {reason[:300]}", hint="check that other programs can open the image")
    pages = _pages(_words(done.stdout.decode("utf-8", "replace")))
    sure = [page for page in pages if page.confidence >= _LEAST_SURE]
    if pages and not sure:
        raise ParseError(
            "OCR is not sure enough of what it read",
            hint=OCR_HINT,
        )
    return sure


def _run(command: list[str], image: bytes) -> subprocess.CompletedProcess[bytes]:
    """Run within limits that hold even if this process is ended meanwhile."""
    environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
    with subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as process:
        _limit(process.pid)
        try:
            out, err = process.communicate(image, timeout=_SECONDS)
        except BaseException:
            process.kill()
            raise
        return subprocess.CompletedProcess(command, process.returncode, out, err)


def _limit(pid: int) -> None:
    if sys.platform == "linux":
        import resource

        try:
            resource.prlimit(pid, resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
            resource.prlimit(pid, resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        except (OSError, ValueError):  # it has ended already, or has narrower limits
            return


def _words(table: str) -> list[_Word]:
    """The words of Tesseract's TSV output that it is sure enough of."""
    rows = csv.DictReader(io.StringIO(table), delimiter="\t", quoting=csv.QUOTE_NONE)
    words = [
        _Word(
            int(row["page_num"]),
            (int(row["block_num"]), int(row["par_num"])),
            int(row["line_num"]),
            row["text"].strip(),
            float(row["conf"]),
        )
        for row in rows
        if row["level"] == _WORD and row["text"] and row["text"].strip()
    ]
    return [word for word in words if word.confidence >= _LEAST_CONFIDENCE]


def _pages(words: list[_Word]) -> list[OcrPage]:
    pages: dict[int, dict[tuple[int, int], dict[int, list[str]]]] = {}
    sums: dict[int, list[float]] = {}
    for word in words:
        paragraphs = pages.setdefault(word.page, {})
        paragraphs.setdefault(word.paragraph, {}).setdefault(word.line, []).append(word.text)
        sums.setdefault(word.page, []).append(word.confidence)
    return [
        OcrPage(
            number,
            tuple(_joined([" ".join(line) for line in lines.values()]) for lines in paragraphs.values()),
            round(sum(sums[number]) / len(sums[number]), 1),
        )
        for number, paragraphs in pages.items()
    ]


def _joined(lines: list[str]) -> str:
    """Lines as flowing text, words broken at their ends put together."""
    text = lines[0]
    for line in lines[1:]:
        broken = text.endswith("-") and text[-2:-1].isalpha() and line[0].islower()
        text = text[:-1] + line if broken else f"{text} {line}"
    return text
