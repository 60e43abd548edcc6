"""The documents that `killing.py` ingests: notes, an archive, a mailbox, and repeated and damaged files."""

from __future__ import annotations

import mailbox
import random
import zipfile
from collections.abc import Iterable
from email.message import EmailMessage
from pathlib import Path

NOTES = 60
COLOURS = ["red", "green", "blue", "black", "white", "amber", "violet", "olive", "teal", "coral"]
THINGS = ["lamp", "rope", "crate", "ladder", "barrel", "anchor", "lantern", "bucket", "hammer", "compass"]


def write_documents(folder: Path) -> None:
    """Notes with one marked sentence each, an archive, a mailbox, repeated and damaged files."""
    folder.mkdir()
    for number in range(NOTES):
        suffix = ("txt", "md")[number % 2]
        (folder / f"note-{number:02}.{suffix}").write_text(note(number))
    (folder / "repeated.txt").write_text(note(0))
    (folder / "nearly.txt").write_text(note(2) + "\n\nThat is all.")
    (folder / "cut.pdf").write_bytes(b"%PDF-1.7\n1 0 obj\n<<")
    write_archive(folder / "archive.zip", range(100, 108))
    write_mailbox(folder / "post.mbox", range(200, 206))


def change_documents(folder: Path) -> None:
    """Changed, moved, deleted and new files, inside the archive and the mailbox too."""
    for number in range(0, 60, 5):
        path = next(folder.glob(f"note-{number:02}.*"))
        path.write_text(note(number) + f"\n\nOne more line, {mark(number + 500)}, for note {number}.")
    moved = folder / "moved"
    moved.mkdir()
    for number in range(1, 60, 9):
        next(folder.glob(f"note-{number:02}.*")).rename(moved / f"renamed-{number}.txt")
    for number in range(3, 60, 8):
        for path in folder.glob(f"note-{number:02}.*"):
            path.unlink()
    for number in range(300, 312):
        (folder / f"new-{number}.md").write_text(note(number))
    (folder / "nearly-again.txt").write_text(note(2) + "\n\nThat was all.")
    write_archive(folder / "archive.zip", [*range(100, 104), *range(105, 112)])
    write_mailbox(folder / "post.mbox", range(201, 210))


def note(number: int) -> str:
    """A title and a few paragraphs; no two notes share many words in a row."""
    rng = random.Random(number)
    paragraphs = []
    for line in range(5):
        some = [f"{rng.choice(COLOURS)} {rng.choice(THINGS)} {rng.randrange(10**6)}" for _ in range(5)]
        paragraphs.append(f"Row {line} of note {number} lists {', '.join(some)}.")
    paragraphs.insert(2, f"The sign {mark(number)} hangs in room {number}.")
    return f"# Note {number}\n\n" + "\n\n".join(paragraphs)


def mark(number: int) -> str:
    """A word that only one text holds."""
    return "mark" + "".join(random.Random(f"mark {number}").choices("bcdfgklmnoprstuvz", k=9))


def write_archive(path: Path, numbers: Iterable[int]) -> None:
    """A ZIP of notes."""
    with zipfile.ZipFile(path, "w") as archive:
        for number in numbers:
            archive.writestr(f"inside/{number}.txt", note(number))


def write_mailbox(path: Path, numbers: Iterable[int]) -> None:
    """An mbox of mails, every other one with an attachment."""
    path.unlink(missing_ok=True)
    box = mailbox.mbox(path)
    for number in numbers:
        mail = EmailMessage()
        mail["From"], mail["To"] = "ann@example.org", "ben@example.org"
        mail["Subject"], mail["Date"] = f"Note {number}", "Thu, 1 Jan 2026 10:00:00 +0000"
        mail["Message-ID"] = f"<{number}@example.org>"
        mail.set_content(note(number))
        if number % 2:
            mail.add_attachment(note(number + 600), filename=f"attached-{number}.txt")
            mail.set_boundary(f"boundary-{number}")
        message = mailbox.mboxMessage(mail)
        message.set_from("ann@example.org Thu Jan 1 10:00:00 2026")
        box.add(message)
    box.close()
