"""Whether the server lives, and whether it can answer."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from ragent.errors import RagentError
from ragent.server.asking import Home

router = APIRouter(tags=["health"])


class Live(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """What is ready. `status` is "ok" where requests will be answered."""

    status: Literal["ok", "loading", "ending", "failed"]
    database: bool
    models: bool


@router.get("/health")
async def live() -> Live:
    """Whether the process lives. Asks for no key."""
    return Live()


@router.get("/health/ready", responses={503: {"model": Ready}})
def ready(request: Request, response: Response, home: Home) -> Ready:
    """Whether requests will be answered: 503 while models load, and once the server ends. Asks for no key."""
    database = _answers(home)
    models = bool(getattr(request.app.state, "warmed", True))
    status: Literal["ok", "loading", "ending", "failed"] = "ok"
    if request.app.state.ending.has_begun():
        status = "ending"
    elif not database:
        status = "failed"
    elif not models:
        status = "loading"
    response.status_code = 200 if status == "ok" else 503
    return Ready(status=status, database=database, models=models)


def _answers(home: Home) -> bool:
    try:
        home.store.collections()
    except RagentError:
        return False
    return True
