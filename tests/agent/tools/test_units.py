from __future__ import annotations

import pytest

from ragent.agent import ToolContext, open_tools
from ragent.errors import ToolError

TOOL = open_tools(["convert_units"], ToolContext())[0]


def convert(value: float, from_unit: str, to_unit: str) -> str:
    return TOOL.run({"value": value, "from_unit": from_unit, "to_unit": to_unit}).text


@pytest.mark.parametrize(
    ("value", "source", "target", "told"),
    [
        (5, "mile", "km", "5 mile = 8.04672 km"),
        (100, "F", "C", "100 F = 37.7777777778 C"),
        (-40, "celsius", "fahrenheit", "-40 celsius = -40 fahrenheit"),
        (0, "°C", "K", "0 °C = 273.15 K"),
        (1, "GiB", "MB", "1 GiB = 1073.741824 MB"),
        (36, "km/h", "m/s", "36 km/h = 10 m/s"),
        (90, "minutes", "hours", "90 minutes = 1.5 hours"),
        (2, "kg", "pound", "2 kg = 4.4092452437 pound"),
        (1, "gallon", "liter", "1 gallon = 3.785411784 liter"),
        (1, "m^2", "cm**2", "1 m^2 = 10000 cm**2"),
        (3, "kW*h", "MJ", "3 kW*h = 10.8 MJ"),
    ],
)
def test_conversions(value: float, source: str, target: str, told: str) -> None:
    assert convert(value, source, target) == told


@pytest.mark.parametrize(
    ("value", "source", "target"),
    [
        (1, "kg", "m"),
        (1, "sprockets", "m"),
        (1, "USD", "EUR"),
        (1, "", "m"),
        (1, "m**9**9**9", "m"),
        (1, "m**999999999", "m"),
        (1, "9**9**9*m", "m"),
        (1, "(" * 1000 + "m", "m"),
        (1, "__import__('os')", "m"),
        (1, "m.__class__", "m"),
        (1, "m" * 1000, "m"),
        (float("inf"), "m", "km"),
        (float("nan"), "m", "km"),
        (1, "\0", "m"),
    ],
)
def test_what_cannot_be_converted_is_a_tool_error(value: float, source: str, target: str) -> None:
    with pytest.raises(ToolError):
        convert(value, source, target)
