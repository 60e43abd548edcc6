"""How the server is run: a socket, uvicorn around the application, and an end in good order."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

import uvicorn
from fastapi import FastAPI

from ragent.errors import ConfigError, RagentError
from ragent.server.app import make_app
from ragent.server.carrying import ANSWERING
from ragent.server.ending import Ending
from ragent.server.limits import is_loopback
from ragent.server_settings import ServerSettings
from ragent.service import Service

_LOG = logging.getLogger(__name__)
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_LEFT_TO_END = 2
WARMING = "ragent-warming"


@dataclass(frozen=True, slots=True)
class Listening:
    """A socket that listens, and the address by which it is reached."""

    socket: socket.socket
    url: str


def listen(settings: ServerSettings, *, insecure: bool = False) -> Listening:
    """Listen where the settings say.

    Args:
        settings: the host and port.
        insecure: let whoever reaches the address do anything, without signing in.

    Raises:
        ConfigError: other machines reach the address, and nobody would have to sign in.
        RagentError: the address can't be listened on.
    """
    host, port = settings.host, settings.port
    if settings.sign_in == "off" and not (insecure or is_loopback(host)):
        raise ConfigError(
            f"other machines reach {host}, and nobody has to sign in: anybody could read your documents",
            hint='set sign_in = "password" in [server] of ragent.toml, or say --insecure',
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        raise RagentError(
            f"can't listen on {host}, port {port}: {error.strerror or error}",
            hint="another program may be there: choose another --port, or 0 for any that is free",
        ) from error
    shown = f"[{host}]" if ":" in host else host
    return Listening(listening, f"http://{shown}:{listening.getsockname()[1]}")


def serve(service: Service, listening: Listening, on_ready: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM, then end in good order; a second SIGINT ends at once.

    No new connections are taken then. Answers that are being written have `[server] grace_seconds` to be
    finished, and are told so if they can't. Jobs commit what they took, and go on when a server next starts.
    """
    ending = Ending(seconds=float(service.settings.server.grace_seconds))
    app = make_app(service, ending)
    server = uvicorn.Server(_config(app, service.settings.server))
    ending.has_begun = lambda: server.should_exit
    _warm(app, service)

    def end(_number: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    for number in _SIGNALS:
        signal.signal(number, end)  # until uvicorn puts its own in place, which pass the signal on at the end
    on_ready()
    server.run(sockets=[listening.socket])
    for number in _SIGNALS:
        signal.signal(number, _leave)


def leave() -> None:
    """End the process well, once all is closed.

    A thread that is still within a model can't be stopped, and the interpreter can't end under it without a
    crash: then the process ends at once. What is on disk is whole at any moment.
    """
    deadline = time.monotonic() + _LEFT_TO_END
    threads = [thread for thread in threading.enumerate() if thread.name in {WARMING, ANSWERING}]
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    if any(thread.is_alive() for thread in threads):
        sys.stdout.flush()
        os._exit(0)


def _config(app: FastAPI, settings: ServerSettings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        log_level="warning",
        access_log=False,
        # Who asks is said by the connection itself: X-Forwarded-For is what anybody may write.
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=settings.grace_seconds + _LEFT_TO_END,
    )


def _warm(app: FastAPI, service: Service) -> None:
    """Load the models beside, so that the first who asks needn't wait for it."""
    app.state.warmed = False

    def load() -> None:
        try:
            service.root.embedder.embed_queries(["ready"])
            service.root.llm.count_prompt(())
        except RagentError as error:
            _LOG.warning("a model isn't there yet: %s", error.message)
        finally:
            app.state.warmed = True

    threading.Thread(target=load, name=WARMING, daemon=True).start()


def _leave(_number: int, _frame: FrameType | None) -> None:
    os._exit(130)
