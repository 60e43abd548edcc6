from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress
from email.message import EmailMessage

import pytest

from ragent.errors import ParseError
from ragent.ingest.unpacking import unpack
from ragent.types import Document, Failure, RawDocument
from ragent_connectors.parsers.rtf_packed import unpack_rtf
from tests.connectors.outlook import outlook_message

Parse = Callable[[str, bytes | str], Document]
PLAIN = """\
Return-Path: <master@harbour.example>
From: =?utf-8?q?J=C3=B6rg?= Master <master@harbour.example>
To: crew@harbour.example,
 watch@harbour.example
Subject: The crane
Date: Tue, 05 Mar 2024 10:00:00 +0100

The crane is out of order.
It stays so until Friday.

> When will it work again?
"""


def mail(**headers: str) -> EmailMessage:
    made = EmailMessage()
    fields = {
        "From": "a@x.example",
        "To": "b@x.example",
        "Subject": "The crane",
        "Message-ID": "<1@x.example>",
    }
    for name, value in {**fields, **headers}.items():
        made[name] = value
    return made


def members(data: bytes, name: str = "m.eml") -> list[RawDocument | Failure]:
    return list(unpack(RawDocument("file:///" + name, name, data)))


def test_a_mail_is_its_head_and_its_paragraphs(parse: Parse) -> None:
    document = parse("a.eml", PLAIN)
    assert document.title == "The crane"
    assert document.media_type == "message/rfc822"
    assert [(b.kind, document.text[b.start : b.end]) for b in document.blocks] == [
        ("heading", "The crane"),
        (
            "paragraph",
            "From: Jörg Master <master@harbour.example>\nTo: crew@harbour.example, watch@harbour.example\n"
            "Date: Tue, 05 Mar 2024 10:00:00 +0100",
        ),
        ("paragraph", "The crane is out of order.\nIt stays so until Friday."),
        ("quote", "> When will it work again?"),
    ]
    assert document.metadata["created"] == "2024-03-05T10:00:00+01:00"
    assert document.metadata["subject"] == "The crane"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-8-sig"])
def test_a_mail_saved_in_another_encoding_is_read(parse: Parse, encoding: str) -> None:
    assert "until Friday" in parse("a.eml", PLAIN.encode(encoding)).text


def test_the_plain_version_is_preferred_to_the_html_one(parse: Parse) -> None:
    made = mail()
    made.set_content("plain words\n")
    made.add_alternative("<p>rich words</p>", subtype="html")
    text = parse("a.eml", made.as_bytes()).text
    assert "plain words" in text
    assert "rich words" not in text


def test_html_alone_is_read_as_a_page(parse: Parse) -> None:
    made = mail()
    made.set_content("<h2>Rates</h2><ul><li>One €</li><li>Two</li></ul>", subtype="html", charset="utf-8")
    document = parse("a.eml", made.as_bytes())
    assert [(b.kind, document.text[b.start : b.end]) for b in document.blocks][2:] == [
        ("heading", "Rates"),
        ("list", "- One €\n- Two"),
    ]


def test_an_unknown_charset_is_guessed(parse: Parse) -> None:
    head = (
        "From: a@x.example\nTo: b@x.example\nMIME-Version: 1.0\nContent-Type: text/plain; charset=klingon\n"
    )
    assert "Ärger über Öl" in parse("a.eml", f"{head}\nÄrger über Öl").text


def test_headers_that_the_standard_library_trips_over_do_not_stop_it(parse: Parse) -> None:
    broken = PLAIN.replace("To: crew", "Cc: <@\nContent-Disposition: ;;;=\nMessage-ID: <\nTo: crew")
    assert "out of order" in parse("a.eml", broken).text


def test_an_encrypted_mail_says_so(parse: Parse) -> None:
    made = mail()
    made["Content-Type"] = 'multipart/encrypted; boundary="b"'
    data = made.as_bytes() + b"--b\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n\n--b--\n"
    with pytest.raises(ParseError, match="encrypted"):
        parse("a.eml", data)
    assert [m.uri for m in members(data)] == ["file:///m.eml"]


def test_attachments_are_documents_of_their_own() -> None:
    inner = mail(Subject="Forwarded")
    inner.set_content("the first words")
    made = mail()
    made.set_content("see the files")
    made.add_attachment("a,b\n1,2\n", filename="../rates/x.csv")
    made.add_attachment(inner)
    made.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="plan.png")
    found = members(made.as_bytes())
    assert [m.uri for m in found] == [
        "file:///m.eml",
        "file:///m.eml!/1/.._rates_x.csv",
        "file:///m.eml!/2/attachment.eml",
        "file:///m.eml!/3/plan.png",
    ]
    assert isinstance(found[1], RawDocument)
    assert found[1].data == b"a,b\n1,2\n"
    assert isinstance(found[2], RawDocument)
    assert b"Subject: Forwarded" in found[2].data


def test_pictures_within_the_body_are_no_attachments() -> None:
    made = mail()
    made.set_content("<p>words <img src='cid:logo'></p>", subtype="html")
    made.add_related(b"\x89PNG", maintype="image", subtype="png", cid="<logo>", filename="logo.png")
    assert [m.uri for m in members(made.as_bytes())] == ["file:///m.eml"]


def test_text_that_only_mentions_a_header_is_no_mail(parse: Parse) -> None:
    assert parse("a.txt", "Subject: the crane\n\nIt is out of order.").media_type == "text/plain"
    assert parse("a.txt", "From: here to there\nwe went").media_type == "text/plain"


MBOX = b"""\
From master@harbour.example Tue Mar  5 10:00:00 2024
From: master@harbour.example
To: crew@harbour.example
Subject: One
Message-ID: <one@harbour.example>

First words.
>From here on it is quoted.

From crew@harbour.example Wed Mar  6 10:00:00 2024
From: crew@harbour.example
To: master@harbour.example
Subject: Two

Second words. From 2024 on, this is no envelope line.
"""


def test_an_mbox_holds_mails(parse: Parse) -> None:
    first, second = members(MBOX, "box")
    assert (first.uri, second.uri) == ("file:///box!/one%40harbour.example.eml", "file:///box!/2/mail.eml")
    assert isinstance(first, RawDocument)
    assert "\n\nFirst words.\nFrom here on it is quoted." in parse("1.eml", first.data).text
    assert isinstance(second, RawDocument)
    assert parse("2.eml", second.data).title == "Two"


def test_two_mails_of_one_id_are_both_there() -> None:
    doubled = MBOX.replace(b"Subject: Two\n", b"Subject: Two\nMessage-ID: <one@harbour.example>\n")
    assert len({m.uri for m in members(doubled, "box")}) == 2


def test_a_single_mail_with_an_envelope_line_is_one_mail() -> None:
    assert [m.uri for m in members(b"From a Tue Mar  5 10:00:00 2024\n" + PLAIN.encode())] == [
        "file:///m.eml"
    ]


@pytest.fixture
def outlook() -> bytes:
    return outlook_message(
        "The crane", "It is out of order.\r\n\r\nUntil Friday.", {"rates.csv": b"a,b\n1,2\n"}
    )


def test_an_outlook_message_is_read(parse: Parse, outlook: bytes) -> None:
    document = parse("a.msg", outlook)
    assert document.title == "The crane"
    assert document.text == (
        "The crane\n\nFrom: Master <master@harbour.example>\n\nIt is out of order.\n\nUntil Friday."
    )
    found = members(outlook, "a.msg")
    assert [m.uri for m in found] == ["file:///a.msg", "file:///a.msg!/1/rates.csv"]
    assert isinstance(found[1], RawDocument)
    assert found[1].data.rstrip(b"\0") == b"a,b\n1,2\n"  # the maker pads


def test_packed_rtf_is_unpacked() -> None:
    # The first example of [MS-OXRTFCP], section 4.1.
    packed = bytes.fromhex(
        "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0"
    )
    assert unpack_rtf(packed) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"
    for end in range(len(packed)):  # cut anywhere, it ends early or is refused
        with suppress(ParseError):
            assert len(unpack_rtf(packed[:end])) <= 43


def test_an_outlook_message_may_have_its_body_in_rtf_alone(parse: Parse) -> None:
    rtf = rb"{\rtf1\ansi\fromhtml1 {\*\htmltag64 <li>}Red{\*\htmltag72 </li>}{\*\htmltag64 <li>}Blue}"
    packed = struct.pack("<II4sI", len(rtf) + 12, len(rtf), b"MELA", 0) + rtf
    document = parse("a.msg", outlook_message("Colours", "", {}, rtf=packed))
    assert document.text.endswith("Red\n\nBlue")


def test_a_damaged_outlook_message_is_an_error(parse: Parse, outlook: bytes) -> None:
    with pytest.raises(ParseError, match=r"not a readable Outlook message|holds no text"):
        parse("a.msg", outlook[:512] + outlook[4096:])


def test_headers_of_twenty_thousand_recipients_are_read(parse: Parse) -> None:
    people = ",\r\n ".join(f"sailor{n}@harbour.example" for n in range(20_000))
    document = parse("a.eml", f"From: a@b.example\r\nTo: {people}\r\nSubject: All\r\n\r\nCome.")
    assert document.title == "All"
    assert document.metadata["to"].endswith("sailor19999@harbour.example")


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_headers_may_hold_raw_letters(parse: Parse, encoding: str) -> None:
    mail = "From: a@b.example\r\nTo: c@d.example\r\nSubject: Größe\r\n\r\nText.".encode(encoding)
    assert parse("a.eml", mail).title == "Größe"
