"""Gives a browser the cookie that signs it in: HttpOnly, so only the server ever sees it again."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ragent.errors import NotSignedIn
from ragent.service import Service
from ragent_ui.sign_in.asking import cookie_of
from ragent_ui.sign_in.paths import KEEP
from ragent_ui.surroundings import the_service

_LONGEST_WORD = 100


def keeping() -> Route:
    """Where a word is exchanged for the cookie."""
    return Route(KEEP, _keep, methods=["POST"])


async def _keep(request: Request) -> Response:
    service = the_service()
    if not _is_ours(request):
        return PlainTextResponse("not from this page", 403)
    word = b""
    async for piece in request.stream():
        word += piece
        if len(word) > _LONGEST_WORD:
            return PlainTextResponse("too long", 413)
    try:
        token = service.sign_ins.taken(word.decode("ascii", "replace"))
    except NotSignedIn:
        return PlainTextResponse("that word opens nothing", 403)
    response = Response(status_code=204)
    response.set_cookie(
        cookie_of(service),
        token,
        max_age=int(service.settings.server.session_hours * 3600),
        path="/",
        secure=_is_encrypted(request, service),
        httponly=True,
        samesite="strict",
    )
    return response


def _is_ours(request: Request) -> bool:
    """Whether a page of ours asks: another site must not sign anybody in as somebody else."""
    origin = request.headers.get("origin", "")
    return bool(origin) and urlsplit(origin).netloc == request.headers.get("host")


def _is_encrypted(request: Request, service: Service) -> bool:
    peer = request.client.host if request.client else ""
    told = request.headers.get("x-forwarded-proto", "") if peer in service.settings.server.proxies else ""
    return "https" in (request.url.scheme, told)
