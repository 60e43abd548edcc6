"""Whatever is sent, no endpoint fails, and what it answers is as the OpenAPI description says."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ragent.config import load_settings
from ragent.server import make_app
from ragent.service import Service
from tests.server.conftest import PATIENCE

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = int(os.environ.get("RAGENT_FUZZ_EXAMPLES", "12"))


def _operations() -> list[tuple[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(folder), load_settings(None))
        described = make_app(service).openapi()
        service.close()
    return [(path, method) for path, methods in described["paths"].items() for method in methods]


@pytest.fixture(scope="module")
def app(harbour_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """The application over a copy of the sample documents; jobs are noted, and nobody does them."""
    home = Path(shutil.copytree(harbour_home, tmp_path_factory.mktemp("fuzzed") / "home"))
    settings = load_settings(
        None,
        llm={"max_tokens": 8},
        ask={"k": 1, "style": "extract"},
        server={"requests_a_minute": 10**6},
    )
    service = Service.open(home, settings)
    service.jobs.stop()
    yield make_app(service)
    service.close()


@pytest.mark.slow
@pytest.mark.parametrize(("path", "method"), _operations())
def test_no_input_makes_it_fail(app: FastAPI, path: str, method: str) -> None:
    schema = schemathesis.openapi.from_asgi("/openapi.json", app, headers={"Host": "localhost"})
    operation = schema[path][method]

    @hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(data=hypothesis.strategies.data())
    def sends(data: Any) -> None:
        mode = data.draw(hypothesis.strategies.sampled_from(list(GenerationMode)))
        case = data.draw(operation.as_strategy(generation_mode=mode))
        case.call_and_validate(checks=CHECKS, headers={"Host": "localhost"}, timeout=PATIENCE)

    sends()
