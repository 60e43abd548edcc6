"""The application: every router, and what holds for all of them."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI

from ragent import __version__
from ragent.server import conversations, documents, feedback, health, intake, metrics, searching
from ragent.server.asking import Guesses
from ragent.server.ending import Ending
from ragent.server.errors import REFUSALS, install
from ragent.server.limits import Limits, limits_of
from ragent.server.metrics import Measured, Metrics
from ragent.server.openai import chat, completions, embeddings, models, rerank
from ragent.service import Service

ROUTERS: tuple[APIRouter, ...] = (
    health.router,
    metrics.router,
    models.router,
    chat.router,
    completions.router,
    embeddings.router,
    rerank.router,
    searching.router,
    documents.router,
    intake.router,
    conversations.router,
    feedback.router,
)


def make_app(service: Service, ending: Ending | None = None) -> FastAPI:
    """The server over a home. Who opened the service closes it.

    Args:
        service: the home, its models and its people.
        ending: says when the server is to end; None: it never is.
    """
    app = FastAPI(
        title="ragent",
        version=__version__,
        description="Answers from your own documents, with every quote traceable.",
        # Their pages load scripts from another host: offline means offline.
        docs_url=None,
        redoc_url=None,
        responses=REFUSALS,
    )
    app.state.service = service
    app.state.ending = ending or Ending()
    app.state.guesses = Guesses()
    app.state.metrics = Metrics(service)
    for router in ROUTERS:
        app.include_router(router)
    install(app)
    app.add_middleware(Limits, limits=limits_of(service.settings.server))
    app.add_middleware(Measured, metrics=app.state.metrics)
    return app
