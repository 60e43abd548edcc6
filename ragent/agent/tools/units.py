"""Converts units, by pint: length, mass, temperature, volume, time, speed, data and what they make up."""

from __future__ import annotations

import math
import re
from functools import cache
from typing import Any

from ragent.agent.tool import tool
from ragent.agent.toolbox import ToolContext
from ragent.agent.tools.showing import own_words
from ragent.errors import MissingExtraError, ToolError
from ragent.types import Tool

_LONGEST = 60
_UNIT = r"[^\W\d]+[²³]?(?:(?:\*\*|\^)-?[1-9])?"
# No numbers but small exponents: pint would calculate with them, however long that takes.
_UNITS = re.compile(rf"[°%]?\s*{_UNIT}(?:(?:\s*[*/·]\s*|\s+per\s+|\s+){_UNIT})*")
_TEMPERATURES = {"c": "degC", "f": "degF", "k": "kelvin", "°c": "degC", "°f": "degF"}
_TEMPERATURE_WORDS = {
    "celsius": "degC",
    "fahrenheit": "degF",
    "degc": "degC",
    "degf": "degF",
    "kelvin": "kelvin",
}


def open_convert_units(context: ToolContext) -> Tool:
    """The tool `convert_units`. Raises MissingExtraError without pint, which is loaded by the first call."""
    from importlib.util import find_spec

    if find_spec("pint") is None:
        raise MissingExtraError("convert_units needs pint", hint="pip install pint")
    return convert_units


@tool(pure=True)
def convert_units(value: float, from_unit: str, to_unit: str) -> str:
    """Convert a value from one unit to another, as 5 miles to km, 100 F to C, 1 GiB to MB, 30 km/h to m/s.

    Currencies aren't known. kB is 1000 bytes and KiB 1024; a ton is the American one, a tonne 1000 kg.

    Args:
        value: the number to convert.
        from_unit: its unit, as mile, kg, C, gallon, hour, km/h, GiB or W*h.
        to_unit: the unit that is wanted, of the same kind.
    """
    with own_words():
        return _converted(value, from_unit, to_unit)


def _converted(value: float, from_unit: str, to_unit: str) -> str:
    if not math.isfinite(value):
        raise ToolError("the value is no finite number")
    source, target = _named(from_unit, to_unit)
    registry = _registry()
    try:
        result = registry.Quantity(value, source).to(target)
    except Exception as error:  # pint's own errors about names, dimensions and offsets have no common base
        raise ToolError(
            f"can't convert {from_unit} to {to_unit}: {error}",
            hint="use names as metre, or symbols as km, in their usual case",
        ) from None
    return f"{value:.15g} {from_unit.strip()} = {float(result.magnitude):.12g} {to_unit.strip()}"


def _named(source: str, target: str) -> tuple[str, str]:
    """Both units as pint calls them: C and F are degrees beside each other, coulomb and farad elsewhere."""
    for unit in (source, target):
        if len(unit) > _LONGEST or not _UNITS.fullmatch(unit.strip()):
            raise ToolError(f"{unit[:_LONGEST]!r} is no unit", hint="write it as km, m/s or kg*m^2")
    words = [unit.strip().lower().removeprefix("degrees ").replace("° ", "°") for unit in (source, target)]
    known = _TEMPERATURES | _TEMPERATURE_WORDS
    if all(word in known for word in words):
        return known[words[0]], known[words[1]]
    return source.strip(), target.strip()


@cache
def _registry() -> Any:
    import pint

    return pint.UnitRegistry(cache_folder=None)
