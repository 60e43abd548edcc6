"""Runs the pages: Streamlit in this process, told to stay quiet, offline and on this machine."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.resources import as_file, files
from types import FrameType
from typing import Any

from ragent.config import Settings
from ragent.errors import ConfigError

_LIGHT = {
    "primaryColor": "#1f6f5c",
    "backgroundColor": "#ffffff",
    "secondaryBackgroundColor": "#f3f5f3",
    "textColor": "#1d2523",
    "borderColor": "#d9dfdc",
}
_DARK = {
    "primaryColor": "#2a8771",
    "backgroundColor": "#141817",
    "secondaryBackgroundColor": "#1e2422",
    "textColor": "#e4e9e6",
    "borderColor": "#36403c",
}


@dataclass(frozen=True, slots=True)
class Address:
    """Where the pages are."""

    host: str
    port: int

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def address(settings: Settings, host: str | None = None, port: int | None = None) -> Address:
    """Where to listen; port 0 becomes one that is free.

    Raises:
        ConfigError: others could reach it and nobody has to sign in, or the port is taken.
    """
    chosen = host or settings.server.host
    if settings.server.sign_in == "off" and not is_this_machine(chosen):
        raise ConfigError(
            f"everybody who can reach {chosen} could read and change everything: nobody has to sign in",
            hint='set [server] sign_in = "password", then: ragent people add NAME',
        )
    return Address(chosen, _free_port(chosen, settings.server.ui_port if port is None else port))


def is_this_machine(host: str) -> bool:
    """Whether only programs of this machine reach that address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _free_port(host: str, port: int) -> int:
    try:
        family, *_, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
            free: int = probe.getsockname()[1]
            return free
    except OSError as error:
        raise ConfigError(
            f"can't listen on {host}, port {port}: {error.strerror}", hint="--port 0 takes one that is free"
        ) from None


def serve(at: Address, settings: Settings, *, browser: bool, on_start: Callable[[], None]) -> None:
    """Show the pages until Ctrl-C or SIGTERM."""
    import streamlit as st
    from streamlit import net_util

    from ragent_ui.sign_in.cookie import keeping

    @asynccontextmanager
    async def lifespan(_: st.App) -> AsyncIterator[None]:
        on_start()
        yield

    # Asked by a page of another origin, Streamlit would look up this machine's public address on the network.
    net_util._external_ip = "127.0.0.1"
    # The address of a caller is that of the connection: what its headers say of it, anybody can say.
    os.environ["FORWARDED_ALLOW_IPS"] = ""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    with suppress(KeyboardInterrupt), as_file(files("ragent_ui") / "app.py") as script:
        # Streamlit puts the folder of what was started before all others that Python imports from.
        sys.argv = [str(script)]
        st.App(script, lifespan=lifespan, routes=[keeping()]).run(
            config=_options(at, settings, browser=browser)
        )


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    # The server ends its requests first, then raises the signal once more: whoever opened the home closes it.
    raise KeyboardInterrupt


def _hosts(settings: Settings) -> list[str]:
    """The names that this machine may be called by, so that no other site's name can be pointed at it."""
    return ["localhost", "127.0.0.1", "::1", *settings.server.names]


def _options(at: Address, settings: Settings, *, browser: bool) -> dict[str, Any]:
    options: dict[str, Any] = {
        "server.address": at.host,
        "server.port": at.port,
        "server.headless": not browser,
        "server.fileWatcherType": "none",
        "server.maxUploadSize": max(1, int(settings.server.upload_mb)),
        "server.allowedHosts": _hosts(settings) if is_this_machine(at.host) else [],
        "server.showEmailPrompt": False,
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "logger.level": "warning",
        "logger.hideWelcomeMessage": True,
        "runner.magicEnabled": False,
        "theme.baseRadius": "0.5rem",
    }
    for name, colours in (("light", _LIGHT), ("dark", _DARK)):
        options |= {f"theme.{name}.{option}": colour for option, colour in colours.items()}
    return options
