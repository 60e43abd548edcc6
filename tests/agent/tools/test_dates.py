from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragent.agent.tools.dates import dates_tool
from ragent.errors import ToolError

TOOL = dates_tool(lambda: datetime(2025, 3, 1, 12, tzinfo=UTC))


def call(operation: str, start: str, **more: str | int) -> str:
    return TOOL.run({"operation": operation, "start": start, **more}).text


@pytest.mark.parametrize(
    ("start", "amount", "unit", "end"),
    [
        ("2025-03-01", 30, "days", "2025-03-31 (Monday)"),
        ("2025-03-01", -1, "days", "2025-02-28 (Friday)"),
        ("2025-01-31", 1, "months", "2025-02-28 (Friday)"),
        ("2024-02-29", 1, "years", "2025-02-28 (Friday)"),
        ("2025-01-15", -13, "months", "2023-12-15 (Friday)"),
        ("2025-03-07", 1, "workdays", "2025-03-10 (Monday)"),
        ("2025-03-10", -1, "workdays", "2025-03-07 (Friday)"),
        ("2025-03-08", 5, "workdays", "2025-03-14 (Friday)"),
        ("2025-03-01", 2, "weeks", "2025-03-15 (Saturday)"),
        ("2025-03-01", 36, "hours", "2025-03-02T12:00:00 (Sunday)"),
        ("2025-03-01T23:59", 2, "minutes", "2025-03-02T00:01:00 (Sunday)"),
        ("today", 1, "days", "2025-03-02 (Sunday)"),
    ],
)
def test_adding(start: str, amount: int, unit: str, end: str) -> None:
    assert call("add", start, amount=amount, unit=unit) == end


def test_the_difference_is_told_in_every_way() -> None:
    told = call("difference", "2025-01-31", end="2025-03-01")
    assert told == "29 days (= 4 weeks and 1 days = 0 years, 1 months and 1 days; 20 workdays)"


def test_a_difference_back_in_time_is_negative() -> None:
    assert call("difference", "2025-03-10", end="2025-03-07").startswith("-3 days (= -0 weeks and 3 days")


def test_times_differ_by_seconds() -> None:
    told = call("difference", "2025-03-01T10:00", end="2025-03-02T11:30")
    assert told == "91800 seconds (= 1 days, 1 hours, 30 minutes and 0 seconds)"


def test_the_weekday_is_named() -> None:
    assert call("weekday", "2024-12-30") == "Monday, day 365 of 2024, ISO week 1 of 2025"


@given(st.dates(), st.integers(0, 60))
def test_workdays_are_counted_one_by_one(start: date, count: int) -> None:
    if start > date(9999, 6, 1):
        return
    moved, left = start, count
    while left:
        moved += timedelta(days=1)
        left -= moved.weekday() < 5
    assert call("add", start.isoformat(), amount=count, unit="workdays").startswith(moved.isoformat())
    assert call("difference", start.isoformat(), end=moved.isoformat()).endswith(f"; {count} workdays)")


@pytest.mark.parametrize(
    ("operation", "start", "more"),
    [
        ("add", "03/04/2025", {}),
        ("add", "", {}),
        ("add", "2025-02-30", {}),
        ("add", "9999-12-31", {"amount": 1}),
        ("add", "2025-01-01", {"amount": 10**30}),
        ("add", "2025-01-01", {"amount": 10**30, "unit": "workdays"}),
        ("add", "2025-01-01", {"amount": -(10**30), "unit": "years"}),
        ("add", "2025-01-01", {"amount": 1, "unit": "moons"}),
        ("difference", "2025-01-01", {}),
        ("difference", "2025-01-01T10:00", {"end": "2025-01-01T10:00+01:00"}),
        ("subtract", "2025-01-01", {}),
        ("weekday", "\0", {}),
    ],
)
def test_what_cannot_be_calculated_is_a_tool_error(
    operation: str, start: str, more: dict[str, str | int]
) -> None:
    with pytest.raises(ToolError):
        call(operation, start, **more)
