"""Arithmetic with dates and times of the proleptic Gregorian calendar."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from ragent.agent.tool import tool
from ragent.agent.toolbox import ToolContext
from ragent.agent.tools.showing import own_words
from ragent.errors import ToolError
from ragent.types import Tool

Unit = Literal["seconds", "minutes", "hours", "days", "workdays", "weeks", "months", "years"]
_CLOCK = {"seconds", "minutes", "hours"}
_WEEKEND = 5
_DAYS_A_WEEK = 7
_MOST_WORKDAYS = 4_000_000


def _now() -> datetime:
    return datetime.now(UTC)


def open_dates(context: ToolContext) -> Tool:
    """The tool `dates`."""
    return dates_tool()


def dates_tool(now: Callable[[], datetime] = _now) -> Tool:
    """The tool `dates`, by a clock of your own if you like."""

    @tool
    def dates(
        operation: Literal["add", "difference", "weekday"],
        start: str,
        end: str = "",
        amount: int = 0,
        unit: Unit = "days",
    ) -> str:
        """Calculate with dates: add an amount to a date, tell how far two are apart, or name the weekday.

        A month after the 31st is the last day of the next month. Workdays are Monday to Friday; holidays
        aren't known. The start is not counted, the end is: from Friday to Monday is 1 workday.

        Args:
            operation: add (to `start`, the `amount` of `unit`), difference (from `start` to `end`), or
                weekday (of `start`).
            start: a date as YYYY-MM-DD, a time as YYYY-MM-DDTHH:MM, or today.
            end: for difference: likewise.
            amount: for add: how many; negative goes back.
            unit: for add: of what.
        """
        with own_words():
            first = _parsed(start, now)
            try:
                if operation == "add":
                    moved = _added(first, amount, unit)
                    return f"{moved.isoformat()} ({moved:%A})"
                if operation == "weekday":
                    return f"{first:%A}, {_calendar(first)}"
                return _apart(first, _parsed(end, now))
            except (OverflowError, ValueError):
                raise ToolError("the result is outside the years 1 to 9999") from None

    return dates


def _parsed(text: str, now: Callable[[], datetime]) -> date:
    """A date, or a datetime where the text has a time."""
    word = text.strip()
    if word.lower() in ("today", "now"):
        moment = now()
        return moment.date() if word.lower() == "today" else moment
    for parse in (date.fromisoformat, datetime.fromisoformat):
        try:
            return parse(word)
        except ValueError:
            continue
    raise ToolError(f"{text[:60]!r} is no date", hint="write it as YYYY-MM-DD, or YYYY-MM-DDTHH:MM")


def _added(start: date, amount: int, unit: Unit) -> date:
    if unit in ("months", "years"):
        month = start.year * 12 + start.month - 1 + amount * (12 if unit == "years" else 1)
        year, month = divmod(month, 12)
        last = calendar.monthrange(year, month + 1)[1] if 1 <= year <= 9999 else 1
        return start.replace(year=year, month=month + 1, day=min(start.day, last))
    if unit == "workdays":
        return _add_workdays(start, amount)
    if unit in _CLOCK and not isinstance(start, datetime):
        start = datetime(start.year, start.month, start.day)
    return start + timedelta(**{unit: amount})


def _add_workdays(start: date, amount: int) -> date:
    if abs(amount) > _MOST_WORKDAYS:
        raise OverflowError
    step = 1 if amount >= 0 else -1
    weeks, rest = divmod(abs(amount), _WEEKEND)
    moved = start
    while weeks and moved.weekday() >= _WEEKEND:
        moved -= timedelta(days=step)
    moved += timedelta(weeks=step * weeks)
    while rest:
        moved += timedelta(days=step)
        rest -= moved.weekday() < _WEEKEND
    return moved


def _apart(start: date, end: date) -> str:
    if isinstance(start, datetime) or isinstance(end, datetime):
        return _time_apart(_moment(start), _moment(end))
    days = (end - start).days
    early, late = min(start, end), max(start, end)
    sign = "-" if days < 0 else ""
    weeks, rest = divmod(abs(days), _DAYS_A_WEEK)
    return (
        f"{days} days (= {sign}{weeks} weeks and {rest} days = {sign}{_in_months(early, late)};"
        f" {sign}{_workdays(early, late)} workdays)"
    )


def _time_apart(start: datetime, end: datetime) -> str:
    if (start.tzinfo is None) != (end.tzinfo is None):
        raise ToolError("one of the times has a zone, the other has none", hint="give both or none")
    seconds = int((end - start).total_seconds())
    minutes, rest = divmod(abs(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    sign = "-" if seconds < 0 else ""
    return f"{seconds} seconds (= {sign}{days} days, {hours} hours, {minutes} minutes and {rest} seconds)"


def _moment(day: date) -> datetime:
    if isinstance(day, datetime):
        return day
    return datetime(day.year, day.month, day.day)


def _in_months(early: date, late: date) -> str:
    """Whole years and months, and the days that are left."""
    months = (late.year - early.year) * 12 + late.month - early.month
    if _added(early, months, "months") > late:
        months -= 1
    days = (late - _added(early, months, "months")).days
    return f"{months // 12} years, {months % 12} months and {days} days"


def _workdays(early: date, late: date) -> int:
    weeks, rest = divmod((late - early).days, _DAYS_A_WEEK)
    extra = sum((late - timedelta(days=back)).weekday() < _WEEKEND for back in range(rest))
    return weeks * _WEEKEND + extra


def _calendar(day: date) -> str:
    year, week, _ = day.isocalendar()
    return f"day {day.timetuple().tm_yday} of {day.year}, ISO week {week} of {year}"
