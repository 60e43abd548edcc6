"""Where models are served, and the keys to them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from ragent.config import secret_variables
from ragent.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Address:
    """A server. `section` is that of the settings, for advice: `llm`, say."""

    url: str
    section: str

    @property
    def root(self) -> str:
        """Where the server's own paths begin: the URL without `/v1`."""
        return self.url.removesuffix("/v1")

    @property
    def variable(self) -> str:
        """The environment variable that its key is looked for in first."""
        return self._variables[0]

    @property
    def key(self) -> str:
        """Its key, from the environment; "" where there is none."""
        return next((value for name in self._variables if (value := os.environ.get(name))), "")

    @property
    def _variables(self) -> list[str]:
        return secret_variables(httpx.URL(self.url).host, "api_key")


def read_addresses(urls: Sequence[str], section: str) -> tuple[Address, ...]:
    """The servers at these URLs, each once.

    Raises:
        ConfigError: there is none, or one is no http(s) URL, or holds a password.
    """
    if not urls:
        raise ConfigError(f"[{section}] url is empty", hint="http://127.0.0.1:8080/v1, say")
    return tuple(dict.fromkeys(_read(url, section) for url in urls))


def _read(url: str, section: str) -> Address:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ConfigError(f"[{section}] url is not a URL: {error}") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ConfigError(
            f"[{section}] url is no http or https URL: {url}", hint="http://127.0.0.1:8080/v1, say"
        )
    if parsed.userinfo or parsed.query:
        variable = secret_variables(parsed.host, "api_key")[0]
        raise ConfigError(
            f"[{section}] url holds more than the address", hint=f"set a key in the environment: {variable}"
        )
    return Address(url.rstrip("/"), section)
