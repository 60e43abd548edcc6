"""Errors as OpenAI's clients understand them, with a status, a hint, and the id of the request.

Source: OpenAI's API reference, "Error codes"; RFC 9110 and RFC 6585 for statuses and headers.
"""

from __future__ import annotations

import json
import logging
import math
import re
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ragent import errors
from ragent.errors import RagentError

_LOG = logging.getLogger(__name__)
_RETRY_SECONDS = 2
_NAME = re.compile(r"(?!(?:str|int|float|bool|none|dict)$)\w+")

_STATUS: tuple[tuple[type[RagentError], int], ...] = (
    (errors.NotSignedIn, 401),
    (errors.NotAllowed, 403),
    (errors.NotThere, 404),
    (errors.EmbedderMismatch, 409),
    (errors.ContextOverflow, 400),
    (errors.QueryError, 400),
    (errors.SchemaError, 400),
    (errors.ConfigError, 400),
    (errors.SourceError, 422),
    (errors.ParseError, 422),
    (errors.MalformedOutput, 422),
    (errors.RerankError, 422),
    (errors.MissingExtraError, 501),
    (errors.ModelNotFound, 503),
    (errors.ServerError, 502),
)
# What these say may name files of this machine, or others that only it reaches.
_HIDDEN: tuple[tuple[type[RagentError], str], ...] = (
    (errors.ModelNotFound, "the language model isn't there"),
    (errors.ServerError, "the server of the language model failed"),
)
_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    429: "rate_limit_error",
}
_CODES = {
    "NotSignedIn": "invalid_api_key",
    "NotAllowed": "not_allowed",
    "NotThere": "not_found",
    "TooMuch": "rate_limit_exceeded",
    "ContextOverflow": "context_length_exceeded",
    "EmbedderMismatch": "embedder_mismatch",
    "ModelNotFound": "model_not_found",
}


class Told(BaseModel):
    """What went wrong: `code` is for programs, `message` and `hint` are for people."""

    message: str
    type: str
    code: str | None
    param: str | None
    hint: str
    request_id: str


class ErrorBody(BaseModel):
    """The answer to a request that failed."""

    error: Told


REFUSALS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorBody, "description": "the request can't be done as it is"},
    "5XX": {"model": ErrorBody, "description": "the server can't do it now"},
}


class Refused(RagentError):
    """A request can't be done; `param` is the parameter that is why."""

    def __init__(self, message: str, *, param: str, hint: str = "", code: str = "invalid_value") -> None:
        super().__init__(message, hint=hint)
        self.param = param
        self.code = code


def install(app: FastAPI) -> None:
    """Have the application tell all errors this way."""
    app.add_exception_handler(RagentError, _of_ragent)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_http)


def told(error: Exception, request_id: str) -> tuple[int, dict[str, Any]]:
    """The status and the body for an exception. What isn't the caller's doing is logged, not told."""
    if not isinstance(error, RagentError):
        _LOG.error("request %s failed", request_id, exc_info=error)
        return 500, body(500, "something went wrong here", request_id, hint="the server's log says what")
    status = status_of(error)
    code = getattr(error, "code", "") or _CODES.get(type(error).__name__)
    param = getattr(error, "param", None)
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        code = "too_large"
    message, hint = error.message, error.hint
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _LOG.error("request %s failed: %s", request_id, error)
        hidden = _hidden(error, status)
        message, hint = (hidden, "the server's log says why") if hidden else (message, hint)
    return status, body(status, message, request_id, hint=hint, code=code, param=param)


def _hidden(error: RagentError, status: int) -> str:
    """What is told instead of an error; "" where it may be told as it is."""
    for kind, words in _HIDDEN:
        if isinstance(error, kind):
            return words
    if status != HTTPStatus.INTERNAL_SERVER_ERROR:
        return ""
    return "the language model failed" if isinstance(error, errors.LLMError) else "the home can't be used"


def status_of(error: RagentError) -> int:
    """The HTTP status for an error."""
    if isinstance(error, Refused):
        return 404 if error.code == "model_not_found" else 400
    if isinstance(error, errors.TooMuch):
        return 429 if error.retry_after else 413
    if isinstance(error, errors.LLMError) and error.retryable:
        return 503
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def body(
    status: int,
    message: str,
    request_id: str,
    *,
    hint: str = "",
    code: str | None = None,
    param: str | None = None,
) -> dict[str, Any]:
    """An error's body."""
    kind = _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    error = Told(message=message, type=kind, code=code, param=param, hint=hint, request_id=request_id)
    return {"error": error.model_dump()}


def id_of(request: Request) -> str:
    """The id of a request, which its answer and the log carry."""
    id_: str = getattr(request.state, "request_id", "")
    return id_


def respond(status: int, content: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    """A JSON answer in ASCII: an error may quote text that UTF-8 can't hold."""
    return Response(json.dumps(content), status, headers, "application/json")


def answer_for(error: Exception, request_id: str, sign_in: str = "off") -> Response:
    """The whole answer for an exception."""
    status, content = told(error, request_id)
    answer = respond(status, content)
    if status == HTTPStatus.UNAUTHORIZED:
        answer.headers.append("WWW-Authenticate", 'Bearer realm="ragent"')
        if sign_in == "password":
            answer.headers.append("WWW-Authenticate", 'Basic realm="ragent", charset="UTF-8"')
    if isinstance(error, errors.TooMuch) and error.retry_after:
        answer.headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    elif status == HTTPStatus.SERVICE_UNAVAILABLE:
        answer.headers["Retry-After"] = str(_RETRY_SECONDS)
    return answer


async def _of_ragent(request: Request, error: Exception) -> Response:
    return answer_for(error, id_of(request), request.app.state.service.settings.server.sign_in)


async def _of_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  (Starlette types handlers this way)
    first = error.errors()[0]
    place = [str(part) for part in first["loc"][1:]]
    # What comes after the name is which of several types was tried.
    place = place[: next((at for at, part in enumerate(place) if not _NAME.fullmatch(part)), None)]
    param = ".".join(place) or None
    unknown = first["type"] == "extra_forbidden"
    said = "is not a parameter that is understood here" if unknown else first["msg"]
    message = f"{param}: {said}" if param else str(said)
    code = "unknown_parameter" if unknown else "invalid_value"
    hint = "" if param else "the body is JSON, sent with Content-Type: application/json"
    return respond(400, body(400, message, id_of(request), code=code, param=param, hint=hint))


async def _of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  (as above)
    headers = dict(error.headers or {})
    code = HTTPStatus(error.status_code).name.lower()
    return respond(
        error.status_code, body(error.status_code, error.detail, id_of(request), code=code), headers
    )
