from __future__ import annotations

from pathlib import Path

import pytest

from ragent.errors import SourceError
from ragent_connectors.sources.mailbox import MailboxSource

ENVELOPE = "From ann@x.example Thu Jan  1 00:00:00 1970\n"


def mail(number: int, body: str = "Words.", identity: bool = True) -> str:
    name = f"Message-ID: <{number}@x.example>\n" if identity else ""
    return f"{ENVELOPE}From: ann@x.example\nTo: bob@x.example\n{name}Subject: No. {number}\n\n{body}\n\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "old mail.mbox"
    path.write_text(mail(1) + mail(2, ">From here it is quoted.") + mail(3, identity=False))
    return path


def source(path: Path, max_bytes: int = 10_000) -> MailboxSource:
    return MailboxSource(path, max_bytes=max_bytes)


def test_each_mail_is_an_item(path: Path) -> None:
    opened = source(path)
    items = list(opened.items())
    names = [item.uri.removeprefix(f"mbox://{path.parent}/old%20mail.mbox!/") for item in items]
    assert names == ["1%40x.example.eml", "2%40x.example.eml", "3/mail.eml"]
    assert b"\nFrom here it is quoted." in opened.load(items[1]).data
    assert source(path).load(items[0]).data.startswith(b"From: ann@x.example\n")


def test_mails_keep_their_names_when_others_go(path: Path) -> None:
    before = {item.uri: item.version for item in source(path).items()}
    path.write_text(mail(2, ">From here it is quoted.") + mail(4))
    after = {item.uri: item.version for item in source(path).items()}
    assert [uri.rpartition("/")[2] for uri in after if before.get(uri) == after[uri]] == ["2%40x.example.eml"]


def test_a_mailbox_may_be_larger_than_one_document(path: Path) -> None:
    path.write_text(path.read_text() + mail(9, "x" * 500))
    opened = source(path, max_bytes=400)
    *small, large = opened.items()
    assert not any(item.error for item in small)
    assert "over the limit" in large.error
    assert all(opened.load(item).data for item in small)


def test_a_mailbox_that_changed_meanwhile_gives_no_other_mail(path: Path) -> None:
    opened = source(path)
    item = next(opened.items())
    path.write_text(mail(7, "Another one.") + mail(8))
    with pytest.raises(SourceError, match="changed meanwhile"):
        opened.load(item)


@pytest.mark.parametrize("text", [None, "", "No mail at all."])
def test_what_holds_no_mail_is_an_error(path: Path, text: str | None) -> None:
    path.unlink()
    if text is not None:
        path.write_text(text)
    with pytest.raises(SourceError, match="can't read"):
        list(source(path).items())


def test_an_argument_is_a_path_from_here(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    argument = "mbox://old mail.mbox"
    assert MailboxSource.accepts(argument)
    made = MailboxSource.absolute(argument)
    monkeypatch.chdir("/")
    assert MailboxSource.absolute(made) == made
    assert len(list(MailboxSource.open(made, max_bytes=9000).items())) == 3
