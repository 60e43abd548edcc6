"""What went wrong with a server, as errors that say what to do."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from ragent.errors import ContextOverflow, LLMError, ServerError
from ragent.served.address import Address

_RETRYABLE = {408, 429, 500, 502, 503, 504}
_OVERFLOW = re.compile(r"context.?(length|size|window)|exceeds? .{0,40}context", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Telling:
    """Errors about one server, which may be silent for so many seconds."""

    address: Address
    seconds: float

    def unreachable(self, error: Exception) -> ServerError:
        """No connection came about, or it was lost before an answer."""
        return ServerError(
            f"can't reach the server at {self.address.url}: {error or type(error).__name__}",
            hint=f"start it, or check [{self.address.section}] url",
            retryable=True,
        )

    def hung_up(self, error: Exception) -> ServerError:
        """The connection was lost while it answered."""
        return ServerError(
            f"the server at {self.address.url} hung up in the middle: {error or type(error).__name__}",
            hint="ask again",
            retryable=True,
        )

    def broke_off(self) -> ServerError:
        """An answer ended properly, but before its end."""
        return ServerError(
            f"the server at {self.address.url} broke off in the middle of its answer",
            hint="ask again",
            retryable=True,
            begun=True,
        )

    def silent(self) -> ServerError:
        """It said nothing for too long."""
        return ServerError(
            f"the server at {self.address.url} said nothing for {self.seconds:g} seconds",
            hint=f"raise [{self.address.section}] seconds, or ask {self._less}",
            retryable=True,
            begun=True,
        )

    def late(self) -> ServerError:
        """The caller's time is over."""
        return ServerError(
            f"the answer of the server at {self.address.url} wasn't complete in time",
            hint="allow more time, or ask for a shorter answer",
            retryable=True,
            begun=True,
        )

    def crowded(self, connections: int) -> ServerError:
        """All connections to it are taken."""
        return ServerError(
            f"{connections} requests to the server at {self.address.url} are under way already",
            hint="ask for less at once",
            retryable=True,
            status=429,
        )

    def not_understood(self, data: bytes | str) -> ServerError:
        """Something else came than what the protocol promises."""
        start = data[:100].decode("utf-8", "replace") if isinstance(data, bytes) else data[:100]
        protocol = "the OpenAI protocol" if self.address.section == "llm" else "a protocol for embeddings"
        return ServerError(
            f"the server at {self.address.url} doesn't speak {protocol}: {start.strip()!r}",
            hint=f"check [{self.address.section}] url",
            begun=True,
        )

    def refusal(self, status: int, data: bytes, headers: Mapping[str, str]) -> LLMError:
        """It answers with an error."""
        try:
            body = json.loads(data)
        except (ValueError, RecursionError):
            body = data.decode("utf-8", "replace")
        error = self.explained(status, body)
        if isinstance(error, ServerError) and "retry-after" in headers:
            error.retry_after = _wished(headers)
        return error

    def explained(self, status: int, body: Any, *, begun: bool = False) -> LLMError:
        """It says in so many words what is wrong."""
        said = _message(body)
        if status in (400, 413, 422, 500) and _OVERFLOW.search(f"{said} {body}"):
            return ContextOverflow(f"the prompt is too long for the server: {said}", hint=f"ask {self._less}")
        hint = "try again later" if status in _RETRYABLE else ""
        section = self.address.section
        if status in (401, 403):
            hint = f"set its key in the environment: {self.address.variable}"
        elif status == 404:
            hint = f"check [{section}] url, which mostly ends in /v1, and [{section}] model"
        elif 300 <= status < 400:
            hint = "it redirects, which is not followed: give the URL it ends at"
        message = f"the server at {self.address.url} answers {status}: {said}"
        return ServerError(message, hint=hint, retryable=status in _RETRYABLE, status=status, begun=begun)

    @property
    def _less(self) -> str:
        return "with fewer passages (-k)" if self.address.section == "llm" else "for less at once"


def _wished(headers: Mapping[str, str]) -> float:
    """Seconds until the server wants to be asked again (RFC 9110, 10.2.3)."""
    wish = headers["retry-after"]
    try:
        return max(0.0, float(wish))
    except ValueError:
        pass
    try:
        # A moment by the server's clock, which ours need not agree with.
        now = parsedate_to_datetime(headers["date"]).timestamp() if "date" in headers else time.time()
        return max(0.0, parsedate_to_datetime(wish).timestamp() - now)
    except ValueError:
        return 0.0


def _message(body: Any) -> str:
    """What an error says, in the shapes that servers give it."""
    for key in ("error", "message", "detail"):
        if isinstance(body, dict) and body.get(key):
            return _message(body[key])
    return str(body).strip()[:500] or "nothing more"
