from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from ragent.errors import SourceError
from ragent.ingest.sealing import Scrubber, Sealed
from ragent.ingest.secrets import find_secret, secrets_of, with_secrets, without_secrets
from ragent.types import Changes, Item, RawDocument


@pytest.fixture(autouse=True)
def no_netrc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


@pytest.mark.parametrize(
    ("argument", "bare", "secrets"),
    [
        ("docs/a:b@c", "docs/a:b@c", ()),
        ("sql+sqlite:///a.db#query=SELECT 1&key=id", "sql+sqlite:///a.db#query=SELECT 1&key=id", ()),
        (
            "sql+mysql://ann:p/w?@x@db.example:3306/n#key=id",
            "sql+mysql://ann:***@db.example:3306/n#key=id",
            ("p/w?@x",),
        ),
        (
            "sql+postgresql://ann@h/n?sslpassword=a&b=1",
            "sql+postgresql://ann@h/n?sslpassword=***&b=1",
            ("a",),
        ),
        ("git+https://ghp_1@h.example/r@main#path=d", "git+https://***@h.example/r@main#path=d", ("ghp_1",)),
        ("git+ssh://git@h.example/r", "git+ssh://git@h.example/r", ()),
        ("https://u:p@h.example/", "https://***@h.example/", ("u:p",)),
        ("imaps://me%40x:pw@h.example/INBOX", "imaps://me%40x:***@h.example/INBOX", ("pw",)),
        ("zip://d::sftp://u:p@h/x.zip", "zip://d::sftp://u:***@h/x.zip", ("p",)),
        (
            "https://[::1]:80/a?X-Amz-Signature=s%2B&page=2",
            "https://[::1]:80/a?X-Amz-Signature=***&page=2",
            ("s%2B",),
        ),
        (
            "feed+https://h/f?api_key=1&api_key=2#seconds=3",
            "feed+https://h/f?api_key=***&api_key=***#seconds=3",
            ("1", "2"),
        ),
    ],
)
def test_secrets_are_found_where_urls_hold_them(argument: str, bare: str, secrets: tuple[str, ...]) -> None:
    assert without_secrets(argument) == bare
    assert secrets_of(argument) == secrets
    assert without_secrets(bare) == bare
    assert secrets_of(bare) == ()


@given(password=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_a_password_from_the_environment_stands_where_it_stood(password: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAGENT_SECRET_DB_EXAMPLE", password)
        filled = with_secrets("sql+postgresql://ann:***@db.example/notes")
    assert sa.engine.make_url(filled.removeprefix("sql+")).password == password


def test_the_variable_of_a_user_goes_before_that_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGENT_SECRET_DB_EXAMPLE", "ours")
    monkeypatch.setenv("RAGENT_SECRET_DB_EXAMPLE_ANN", "hers")
    assert find_secret("db.example", "ann") == "hers"
    assert find_secret("db.example", "bob") == "ours"
    assert find_secret("other.example", "ann") is None


def test_netrc_is_asked_for_passwords_alone(tmp_path: Path) -> None:
    path = tmp_path / "netrc"
    path.write_text("machine h.example login ann password hers\n")
    path.chmod(0o600)
    assert with_secrets("imaps://ann:***@h.example/INBOX") == "imaps://ann:hers@h.example/INBOX"
    assert with_secrets("git+https://***@h.example/r") == "git+https://ann:hers@h.example/r"
    for other in ("imaps://bob:***@h.example/INBOX", "https://h.example/?token=***"):
        with pytest.raises(SourceError, match="RAGENT_SECRET_H_EXAMPLE"):
            with_secrets(other)


class Careless:
    """A source that shows its secrets wherever it can."""

    uri = "https://h.example/?token=s3cr%2Bt-of-harbour"

    def __init__(self) -> None:
        self.loaded: list[str] = []
        self.recalled = ""

    def items(self) -> Iterator[Item]:
        yield Item(f"{self.uri}&page=1", "1")
        yield Item(
            "https://h.example/s3cr+t-of-harbour/2",
            "s3cr+t-of-harbour",
            error="no s3cr+t-of-harbour here",
        )

    def load(self, item: Item) -> RawDocument:
        self.loaded.append(item.uri)
        if item.version == "bad":
            raise SourceError(f"can't read {item.uri}", hint=f"not with {self.uri}")
        return RawDocument(
            item.uri,
            "s3cr+t-of-harbour.html",
            b"<a href='?token=s3cr%2Bt-of-harbour'>s3cr+t-of-harbour</a>",
        )

    def changes(self, cursor: str | None) -> Changes:
        return Changes(tuple(self.items()), (self.uri,), "7")

    def recall(self, memory: str) -> None:
        self.recalled = memory

    def memory(self) -> str:
        return f'["{self.uri}"]'


def test_a_sealed_source_shows_no_secret() -> None:
    careless = Careless()
    source = Sealed(careless, Scrubber(secrets_of(careless.uri)))
    first, second = source.items()
    assert source.changes
    changes = source.changes(None)
    raw = source.load(first)
    with pytest.raises(SourceError) as caught:
        source.load(Item(first.uri, "bad"))
    for shown in (
        source.uri,
        first,
        second,
        changes,
        raw,
        source.memory(),
        str(caught.value),
        caught.value.args,
    ):
        assert "s3cr" not in str(shown)
        assert "***" in str(shown)
    assert caught.value.__cause__ is None
    assert careless.loaded == [f"{careless.uri}&page=1"] * 2
    assert raw.uri == first.uri
    assert source.recall
    source.recall(source.memory())
    assert careless.recalled == careless.memory()


def test_a_short_secret_is_starred_where_it_stands_alone() -> None:
    scrubber = Scrubber(("a", "u:pw"))
    assert scrubber.text("https://u:pw@h/a/banana?x=a by pw") == "https://***@h/***/banana?x=*** by ***"
    assert scrubber.data(b"a banana") == b"a banana"
    token = Scrubber(("a-token-of-24-characters",))
    assert token.data(b"see ?t=a-token-of-24-characters") == b"see ?t=***"
    assert token.data(b"\0a-token-of-24-characters") == b"\0a-token-of-24-characters"
    assert Scrubber(("postgres",)).data(b"postgres is a database") == b"postgres is a database"
