"""Passwords as salted hashes: scrypt (RFC 7914) with the parameters that OWASP names for it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

from ragent.errors import ConfigError

_N, _R, _P = 2**15, 8, 3
_MEMORY = 64 * 2**20
SHORTEST = 8


def hashed(password: str) -> str:
    """A password as it is kept. Raises ConfigError for one that is too short."""
    if len(password) < SHORTEST:
        raise ConfigError(f"a password has at least {SHORTEST} characters")
    salt = secrets.token_bytes(16)
    return f"scrypt${_N}${_R}${_P}${_text(salt)}${_text(_derive(password, salt, _N, _R, _P))}"


def matches(password: str, kept: str) -> bool:
    """Whether it is the password that was kept. Nothing matches ""; that takes as long as any other."""
    parts = (kept or _NONE).split("$")
    n, r, p = (int(part) for part in parts[1:4])
    salt, digest = (base64.b64decode(part) for part in parts[4:])
    return hmac.compare_digest(_derive(password, salt, n, r, p), digest) and bool(kept)


def _derive(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=_MEMORY, dklen=32)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


_NONE = f"scrypt${_N}${_R}${_P}${_text(bytes(16))}${_text(bytes(32))}"
