"""Mailboxes of an IMAP server, read only: each mail is a document (and its attachments are others)."""

from __future__ import annotations

import imaplib
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import quote, unquote, urlsplit

from ragent.errors import SourceError
from ragent.ingest.secrets import advice, find_secret
from ragent.types import Changes, Item, RawDocument
from ragent_connectors.sources.options import flag, split_options

_PORTS = {"imap": 143, "imaps": 993}
_SECONDS = 60
_SIZE = re.compile(rb"RFC822\.SIZE (\d+)")
_CURSOR = re.compile(r"(\d+):(\d+)")


@dataclass(frozen=True, slots=True)
class MailAccount:
    """Where the mail is. Without `tls` the password goes over the wire as it is: for this machine alone."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    tls: bool = True


class ImapSource:
    """The mails of one mailbox: `imaps://user@host/INBOX`, the password as `ragent.ingest.secrets` finds it.

    `imap://` begins in the clear and turns to TLS before the password is sent. The mailbox is opened for
    reading: no mail becomes seen. A mail never changes, so listing is a list of numbers.
    """

    def __init__(
        self, account: MailAccount, mailbox: str = "INBOX", *, starttls: bool = False, max_bytes: int
    ) -> None:
        self._account = account
        self._mailbox = mailbox
        self._starttls = starttls
        self._max_bytes = max_bytes
        self._connection: imaplib.IMAP4 | None = None
        self._validity = ""

    @staticmethod
    def accepts(argument: str) -> bool:
        """Takes imap and imaps URLs."""
        return argument.lower().startswith(("imap://", "imaps://"))

    @classmethod
    def open(cls, argument: str, *, max_bytes: int) -> Self:
        """`imaps://user@host:993/Folder/Sub`; `#plain=1` does without TLS.

        Raises:
            SourceError: user, host or password is missing.
        """
        url, options = split_options(argument, {"plain": flag})
        parts = urlsplit(url)
        user = unquote(parts.username or "")
        if not parts.hostname or not user:
            raise SourceError(
                f"can't read {parts.scheme}://{parts.hostname or ''}: user or host is missing",
                hint="write it as imaps://user@host/INBOX",
            )
        password = unquote(parts.password or "") or find_secret(parts.hostname, user)
        if not password:
            raise SourceError(
                f"can't read {parts.scheme}://{quote(user)}@{parts.hostname}: the password is missing",
                hint=advice(parts.hostname, user),
            )
        scheme = parts.scheme.lower()
        plain = options.get("plain", False)
        account = MailAccount(parts.hostname, parts.port or _PORTS[scheme], user, password, not plain)
        starttls = scheme == "imap" and not plain
        return cls(account, unquote(parts.path.strip("/")) or "INBOX", starttls=starttls, max_bytes=max_bytes)

    @property
    def uri(self) -> str:
        """The mailbox as a URL (RFC 5092), without the password."""
        account = self._account
        port = "" if account.port in _PORTS.values() else f":{account.port}"
        return f"imap://{quote(account.user, safe='')}@{account.host}{port}/{quote(self._mailbox)}"

    def items(self) -> Iterator[Item]:
        """All mails, oldest first.

        Raises:
            SourceError: the server can't be reached, or refuses user, password or mailbox.
        """
        for uid in self._uids("ALL"):
            yield self._item(uid)

    def load(self, item: Item) -> RawDocument:
        """Read one mail.

        Raises:
            SourceError: it is gone or too large.
        """
        self._connect()
        prefix, _, uid = item.uri.rpartition("/;UID=")
        if prefix != self._prefix or not uid.isdigit():
            raise SourceError(
                f"can't read {item.uri}: it is not of {self.uri} any more", hint="list it again"
            )
        sizes = self._asked("FETCH", uid, "(RFC822.SIZE)")
        match = _SIZE.search(b" ".join(_flat(sizes)))
        if match is None:
            raise SourceError(
                f"can't read {item.uri}: it isn't there any more", hint="list the mailbox again"
            )
        if int(match[1]) > self._max_bytes:
            raise SourceError(
                f"can't read {item.uri}: {int(match[1]) / 1e6:.1f} MB is over the limit",
                hint="raise max_file_mb",
            )
        fetched = self._asked("FETCH", uid, "(BODY.PEEK[])")
        data = next((part[1] for part in fetched if isinstance(part, tuple)), None)
        if data is None:
            raise SourceError(
                f"can't read {item.uri}: the server sent no mail", hint="list the mailbox again"
            )
        return RawDocument(item.uri, f"{uid}.eml", data)

    def changes(self, cursor: str | None) -> Changes:
        """Mails that came after `cursor`; deletions can't be seen this way.

        Raises:
            SourceError: the server numbered the mailbox anew, or `cursor` is none of ours.
        """
        match = _CURSOR.fullmatch(cursor or "")
        if cursor is not None and match is None:
            raise SourceError(f"can't go on from {cursor!r}: it is no cursor of a mailbox")
        last = int(match[2]) if match else 0
        # "N:*" always holds the last mail, even one below N (RFC 3501, 6.4.8).
        uids = [uid for uid in self._uids("ALL" if match is None else f"UID {last + 1}:*") if uid > last]
        if match and match[1] != self._validity:
            raise SourceError(f"{self.uri} was numbered anew", hint="list all items")
        return Changes(tuple(map(self._item, uids)), (), f"{self._validity}:{max(uids, default=last)}")

    @property
    def _prefix(self) -> str:
        return f"{self.uri};UIDVALIDITY={self._validity}"

    def _item(self, uid: int) -> Item:
        return Item(f"{self._prefix}/;UID={uid}", f"{self._validity}.{uid}")

    def _uids(self, criterion: str) -> list[int]:
        self._close()  # what is listed should be what is there now
        found = self._asked("SEARCH", *criterion.split())
        return sorted(int(number) for part in _flat(found) for number in part.split())

    def _asked(self, *command: str) -> list[Any]:
        """What the server answers to a command about mails by their UID."""
        with self._told():
            status, data = self._connect().uid(*command)
        if status != "OK":
            raise SourceError(f"can't read {self.uri}: {_words(data)}", hint="check the mailbox")
        return [part for part in data if part]

    def _connect(self) -> imaplib.IMAP4:
        if self._connection is None:
            with self._told():
                self._connection = self._connected()
        return self._connection

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (imaplib.IMAP4.error, OSError) as error:
            self._close()
            said = _words(error.args) or str(error)
            words = said.replace(self._account.password, "***")  # servers may repeat what they refuse
            reason = " ".join(words.split()) or type(error).__name__
            raise SourceError(
                f"can't read {self.uri}: {reason}", hint="check host, user and password"
            ) from error

    def _connected(self) -> imaplib.IMAP4:
        account = self._account
        if account.tls and not self._starttls:
            imap: imaplib.IMAP4 = imaplib.IMAP4_SSL(
                account.host, account.port, ssl_context=ssl.create_default_context(), timeout=_SECONDS
            )
        else:
            imap = imaplib.IMAP4(account.host, account.port, timeout=_SECONDS)
        try:
            if self._starttls:
                imap.starttls(ssl.create_default_context())
            imap.login(account.user, account.password)
            status, data = imap.select(_quoted(self._mailbox), readonly=True)
            if status != "OK":
                raise imaplib.IMAP4.error(_words(data))
            self._validity = _words(imap.response("UIDVALIDITY")[1])
        except BaseException:
            imap.shutdown()
            raise
        return imap

    def _close(self) -> None:
        if self._connection is not None:
            with suppress(imaplib.IMAP4.error, OSError):
                self._connection.logout()
            self._connection = None

    def __del__(self) -> None:
        if self._connection is not None:
            self._connection.shutdown()


def _quoted(mailbox: str) -> str:
    """A mailbox name as IMAP writes it: modified UTF-7 (RFC 3501, 5.1.3), in quotes."""
    written = re.sub(
        r"[^\x20-\x7e]+",
        lambda run: "&" + run[0].encode("utf-7").decode("ascii")[1:].rstrip("-").replace("/", ",") + "-",
        mailbox.replace("&", "&-"),
    )
    if "\r" in mailbox or "\n" in mailbox:
        raise SourceError("a mailbox's name holds a line end", hint="check the URL")
    return '"' + written.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _flat(data: Any) -> list[bytes]:
    return [part[0] if isinstance(part, tuple) else part for part in data]


def _words(data: Any) -> str:
    return " ".join(part.decode("utf-8", "replace") for part in data or () if isinstance(part, bytes))
