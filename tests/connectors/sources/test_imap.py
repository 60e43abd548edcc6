from __future__ import annotations

import re
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from ragent.errors import SourceError
from ragent.types import Item
from ragent_connectors.sources.imap import ImapSource, MailAccount

MAIL = b"From: a@x.example\r\nTo: b@x.example\r\nSubject: One\r\n\r\nWords.\r\n"


@dataclass
class Mailbox:
    """A tiny IMAP server's one mailbox: mails by UID, and the commands that came in."""

    port: int
    mails: dict[int, bytes] = field(default_factory=dict)
    validity: int = 7
    commands: list[str] = field(default_factory=list)


class Session(socketserver.StreamRequestHandler):
    box: Mailbox

    def handle(self) -> None:
        self.say("* OK ready")
        while line := self.rfile.readline().decode().strip():
            tag, _, command = line.partition(" ")
            self.box.commands.append(command)
            self.say(f"{tag} {self.answer(command)}")
            if command == "LOGOUT":
                return

    def answer(self, command: str) -> str:
        word = command.split()[0]
        if word == "CAPABILITY":
            self.say("* CAPABILITY IMAP4rev1")
        elif word == "LOGIN":
            return "OK in" if command == 'LOGIN me "secret"' else "NO wrong password"
        elif word in ("EXAMINE", "SELECT"):
            if command != 'EXAMINE "INBOX"':
                return "NO no such mailbox"
            self.say(f"* {len(self.box.mails)} EXISTS")
            self.say(f"* OK [UIDVALIDITY {self.box.validity}] stays")
            return "OK [READ-ONLY] open"
        elif word == "LOGOUT":
            self.say("* BYE")
        elif command.startswith("UID SEARCH"):
            self.say("* SEARCH " + " ".join(map(str, self.search(command))))
        elif match := re.fullmatch(r"UID FETCH (\d+) \((.+)\)", command):
            self.fetch(int(match[1]), match[2])
        return "OK done"

    def search(self, command: str) -> list[int]:
        uids = sorted(self.box.mails)
        if match := re.search(r"UID (\d+):\*", command.removeprefix("UID ")):
            return [uid for uid in uids if uid >= int(match[1])] or uids[-1:]
        return uids

    def fetch(self, uid: int, what: str) -> None:
        mail = self.box.mails.get(uid)
        if mail is None:
            return
        if what == "RFC822.SIZE":
            self.say(f"* 1 FETCH (UID {uid} RFC822.SIZE {len(mail)})")
        elif what == "BODY.PEEK[]":
            self.wfile.write(b"* 1 FETCH (UID %d BODY[] {%d}\r\n%s)\r\n" % (uid, len(mail), mail))

    def say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")


@pytest.fixture
def box() -> Iterator[Mailbox]:
    class Own(Session):
        pass

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Own) as server:
        server.daemon_threads = True
        Own.box = Mailbox(server.server_address[1], {3: MAIL, 9: MAIL.replace(b"One", b"Two")})
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield Own.box
        server.shutdown()
        thread.join()


def source(
    box: Mailbox, mailbox: str = "INBOX", password: str = "secret", max_bytes: int = 1000
) -> ImapSource:
    account = MailAccount("127.0.0.1", box.port, "me", password, tls=False)
    return ImapSource(account, mailbox, max_bytes=max_bytes)


def test_mails_are_listed_and_read(box: Mailbox) -> None:
    opened = source(box)
    first, second = opened.items()
    assert first == Item(f"imap://me@127.0.0.1:{box.port}/INBOX;UIDVALIDITY=7/;UID=3", "7.3")
    raw = opened.load(second)
    assert (raw.name, raw.data) == ("9.eml", MAIL.replace(b"One", b"Two"))


def test_nothing_is_written(box: Mailbox) -> None:
    opened = source(box)
    for item in opened.items():
        opened.load(item)
    words = {command.split()[0] for command in box.commands}
    assert words <= {"CAPABILITY", "LOGIN", "EXAMINE", "UID", "LOGOUT"}
    assert not any("BODY[" in command or "STORE" in command for command in box.commands)


def test_changes_are_the_mails_that_came_since(box: Mailbox) -> None:
    opened = source(box)
    first = opened.changes(None)
    assert first.items == tuple(opened.items())
    assert opened.changes(first.cursor).items == ()
    box.mails[12] = MAIL
    second = opened.changes(first.cursor)
    assert [item.version for item in second.items] == ["7.12"]
    assert second.cursor == "7:12"
    with pytest.raises(SourceError, match="no cursor"):
        opened.changes("12")


def test_an_empty_mailbox_can_be_polled(box: Mailbox) -> None:
    box.mails.clear()
    opened = source(box)
    first = opened.changes(None)
    assert (first.items, first.cursor) == ((), "7:0")
    box.mails[1] = MAIL
    assert len(opened.changes(first.cursor).items) == 1


def test_a_mailbox_numbered_anew_is_told(box: Mailbox) -> None:
    opened = source(box)
    item, cursor = next(opened.items()), opened.changes(None).cursor
    box.validity = 8
    with pytest.raises(SourceError, match="numbered anew"):
        opened.changes(cursor)
    with pytest.raises(SourceError, match="any more"):
        opened.load(item)


def test_a_mail_that_is_gone_or_large_is_an_error(box: Mailbox) -> None:
    opened = source(box, max_bytes=10)
    items = list(opened.items())
    with pytest.raises(SourceError, match="over the limit"):
        opened.load(items[0])
    del box.mails[9]
    with pytest.raises(SourceError, match="isn't there"):
        opened.load(items[1])


@pytest.mark.parametrize(("mailbox", "password"), [("INBOX", "guessed"), ("Nowhere", "secret")])
def test_what_the_server_refuses_is_an_error_in_words(box: Mailbox, mailbox: str, password: str) -> None:
    with pytest.raises(SourceError, match=r"wrong password|no such mailbox") as caught:
        list(source(box, mailbox, password).items())
    assert "secret" not in str(caught.value)


def test_the_password_is_not_sent_in_the_clear_unless_told_so(
    box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAGENT_SECRET_127_0_0_1", "secret")
    url = f"imap://me@127.0.0.1:{box.port}/INBOX"
    with pytest.raises(SourceError, match="TLS"):
        list(ImapSource.open(url, max_bytes=1000).items())
    assert not any("secret" in command for command in box.commands)
    assert len(list(ImapSource.open(f"{url}#plain=1", max_bytes=1000).items())) == 2


def test_a_mailbox_named_in_other_letters_is_asked_for_as_imap_writes_it(box: Mailbox) -> None:
    with pytest.raises(SourceError, match="no such mailbox"):
        list(source(box, 'Entwürfe & "x"').items())
    assert 'EXAMINE "Entw&APw-rfe &- \\"x\\""' in box.commands
    with pytest.raises(SourceError, match="line end"):
        list(source(box, "x\r\nDELETE INBOX").items())


def test_an_argument_names_user_and_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGENT_SECRET_HOST_EXAMPLE_ME_X_EXAMPLE", "secret")
    opened = ImapSource.open("imaps://me%40x.example@host.example/Sent%20mail", max_bytes=1)
    assert opened.uri == "imap://me%40x.example@host.example/Sent%20mail"
    monkeypatch.setenv("NETRC", "nowhere")
    for wrong in ("imaps://host.example/INBOX", "imaps://me@host.example"):
        with pytest.raises(SourceError, match="missing"):
            ImapSource.open(wrong, max_bytes=1)
