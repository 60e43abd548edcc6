"""Keeps the passwords and tokens of URLs out of everything that is written.

A source is remembered with `***` where a secret stood: `sql+postgresql://ann:***@db.example.org/notes`,
`https://example.org/docs/?token=***`. When it is read again, the secret is taken from the environment
(`RAGENT_SECRET_DB_EXAMPLE_ORG_ANN`, else `RAGENT_SECRET_DB_EXAMPLE_ORG`), else from netrc.

Secret are the password before the `@` (for http all that stands there, because a token may be the user), and
parameters with a name such as token, key, password or signature.
"""

from __future__ import annotations

import netrc
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from urllib.parse import quote, unquote

from ragent.config import secret_variables
from ragent.errors import SourceError

MARK = "***"
_LINK = re.compile(r"(?:^|::)([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_LOGIN = re.compile(r"()([^/?#]*)@")
_PASSWORD = re.compile(r"([^:/?#]*):([^/?#]*)@")
# SQLAlchemy lets a password hold slashes and question marks.
_SQL_PASSWORD = re.compile(r"([^:/@?#]*):([^@#]*(?:@[^/?#@]*)*)@")
_HOST = re.compile(r"\[([^]]*)\]|([^:/?#]*)")
_PARAMETER = re.compile(r"[?&]([^=&?]+)=([^&]+)")
_NAMES = {"key", "sig", "auth", "pass", "jwt", "odbcconnect", "accesskey"}
_ENDINGS = (
    "token",
    "apikey",
    "password",
    "passwd",
    "pwd",
    "secret",
    "signature",
    "credential",
    "accesskeyid",
)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a secret stands. `name`: the user or the parameter that it belongs to; "" for `user:password`."""

    host: str
    name: str
    start: int
    end: int
    is_parameter: bool


def secrets_of(argument: str) -> tuple[str, ...]:
    """The secrets in an argument, as they are written there."""
    found = (argument[place.start : place.end] for place in _places(argument))
    return tuple(secret for secret in found if secret != MARK)


def without_secrets(argument: str) -> str:
    """The argument with `***` for each secret."""
    return _replaced(argument, lambda _: MARK)


def with_secrets(argument: str) -> str:
    """The argument with each `***` replaced by the secret that the environment or netrc holds for it.

    Raises:
        SourceError: there is none; it says what to set.
    """

    def fill(place: _Place) -> str:
        written = argument[place.start : place.end]
        if written != MARK:
            return written
        found = find_secret(place.host, place.name, in_netrc=not place.is_parameter)
        if found is None:
            raise SourceError(
                f"can't read {without_secrets(argument)}: its secret is not stored here",
                hint=advice(place.host, place.name, in_netrc=not place.is_parameter),
            )
        return quote(found, safe="" if place.name else ":")

    return _replaced(argument, fill)


def find_secret(host: str, name: str, *, in_netrc: bool = True) -> str | None:
    """What the environment holds for a user or parameter of a host, else netrc for that user.

    Without a name: user and password, as `user:password`.
    """
    variables = secret_variables(host, name)
    given = next((value for variable in variables if (value := os.environ.get(variable))), None)
    if given or not in_netrc:
        return given
    path = Path(os.environ.get("NETRC") or Path.home() / ".netrc")
    try:
        found = netrc.netrc(str(path)).authenticators(host)
    except (OSError, netrc.NetrcParseError):
        return None
    if found is None or (name and found[0] not in ("", None, name)):
        return None
    return found[2] if name else f"{found[0]}:{found[2]}"


def advice(host: str, name: str, *, in_netrc: bool = True) -> str:
    """What to do about a secret that is missing."""
    instead = "enter the host in ~/.netrc, or " if in_netrc else ""
    variable = secret_variables(host, name)[-1]
    return f"set {variable} in the environment, or {instead}give the whole URL to `ragent ingest` again"


def _places(argument: str) -> Iterator[_Place]:
    """In order. What stands behind the # are options, which hold no secrets."""
    address = argument.partition("#")[0]
    links = [*_LINK.finditer(address)]
    for link, after_it in zip_longest(links, links[1:]):
        end = after_it.start() if after_it else len(address)
        scheme = link[1].lower()
        if scheme.startswith("sql+"):
            login = _SQL_PASSWORD
        else:
            login = _LOGIN if scheme.endswith(("http", "https")) else _PASSWORD
        found = login.match(address, link.end(), end)
        after = _HOST.match(address, found.end() if found else link.end(), end)
        host = (after[1] or after[2] or "").lower() if after else ""
        if found and found[2]:
            yield _Place(host, unquote(found[1]), found.start(2), found.end(2), is_parameter=False)
        for parameter in _PARAMETER.finditer(address, after.end() if after else link.end(), end):
            if _is_secret(unquote(parameter[1])):
                yield _Place(host, parameter[1], parameter.start(2), parameter.end(2), is_parameter=True)


def _is_secret(name: str) -> bool:
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    return plain in _NAMES or plain.endswith(_ENDINGS)


def _replaced(argument: str, by: Callable[[_Place], str]) -> str:
    pieces, position = [], 0
    for place in _places(argument):
        pieces += [argument[position : place.start], by(place)]
        position = place.end
    return "".join((*pieces, argument[position:]))
