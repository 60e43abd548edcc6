"""Validity under the schema."""

from __future__ import annotations

import json

from ragent.errors import SchemaError
from ragent.structured.schemas import check_schema
from ragent.structured.validating import problem_of
from ragent_evals.metrics.measuring import PerCase
from ragent_evals.metrics.metric import Metric, MetricContext
from ragent_evals.metrics.structure.values import KINDS, value_of
from ragent_evals.outcome import Outcome
from ragent_evals.sets.case import Case


def open_validity(_: MetricContext) -> Metric:
    """Whether the value obeys the case's schema, formats included; what is no JSON does not.

    Source: JSON Schema, in the draft that the schema names, by jsonschema. It has no say about a schema that
    can't be checked.
    """
    return PerCase("validity", KINDS, _is_valid, lambda case: case.schema is not None)


def _is_valid(case: Case, outcome: Outcome) -> float | None:
    try:
        check_schema(case.schema, len(json.dumps(case.schema)))
        return float(not problem_of(case.schema, value_of(outcome)))
    except ValueError:
        return 0.0
    except SchemaError:
        return None
