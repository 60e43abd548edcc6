"""A calculator: it evaluates the syntax tree of an expression, never Python code.

Numbers are exact fractions, decimals such as 0.1 included; only functions whose results are irrational give
floating-point numbers. Whatever could take long or much memory is refused before it is computed.
"""

from __future__ import annotations

import ast
import math
import operator
import statistics
from collections.abc import Callable, Mapping
from fractions import Fraction
from types import MappingProxyType

from ragent.agent.tool import tool
from ragent.agent.toolbox import ToolContext
from ragent.agent.tools.showing import own_words
from ragent.errors import ToolError
from ragent.types import Tool

Number = Fraction | float

_LONGEST = 1000
_DEEPEST = 100
_MOST_BITS = 10_000
_MOST_ARGUMENTS = 1000
_LARGEST_FACTORIAL = 1000
_DIGITS = 15
_SIGNS = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "\u00a0": " "})
_CONSTANTS = MappingProxyType({"pi": math.pi, "e": math.e, "tau": math.tau})


def open_calculate(context: ToolContext) -> Tool:
    """The tool `calculate`."""
    return calculate


@tool(pure=True)
def calculate(expression: str) -> str:
    """Calculate an expression exactly, as in `(1200 * 1.19 - 50) / 12` or `round(sqrt(2) * 100, 2)`.

    It knows + - * / // % ** (or ^), brackets, comparisons (== != < <= > >=), pi, e, tau, and the functions
    abs, round, floor, ceil, min, max, sum, mean, median, sqrt, exp, ln, log (base 10, or `log(8, 2)`), log2,
    log10, sin, cos, tan, asin, acos, atan (radians), radians, degrees, hypot, factorial, comb, perm, gcd and
    lcm. Halves are rounded away from zero. A percentage p of x is `x * p / 100`.

    Args:
        expression: numbers and operators only: no units, no variables, no thousands separators.
    """
    with own_words():
        value = evaluate(expression)
    return str(value).lower() if isinstance(value, bool) else _shown(value)


def evaluate(expression: str) -> Number | bool:
    """The value of an expression. Raises ToolError."""
    if len(expression) > _LONGEST:
        raise ToolError(f"the expression is longer than {_LONGEST} characters", hint="calculate it in parts")
    text = expression.translate(_SIGNS).replace("^", "**").strip()
    try:
        tree = ast.parse(text, mode="eval")
        if isinstance(tree.body, ast.Compare):
            return _compared(tree.body, text)
        return _number(tree.body, text, 0)
    except (SyntaxError, ValueError, RecursionError, MemoryError, UnicodeError):
        raise ToolError(
            f"{expression[:100]!r} is no expression", hint="write it like (3 + 4) * 2 / 7"
        ) from None
    except ZeroDivisionError:
        raise ToolError("this divides by zero") from None
    except OverflowError:
        raise ToolError("the result is too large") from None


def _number(node: ast.expr, text: str, depth: int) -> Number:
    if depth > _DEEPEST:
        raise ToolError("the expression is nested too deeply", hint="calculate it in parts")
    below = depth + 1
    match node:
        case ast.Constant():
            return _literal(node, text)
        case ast.Name(id=name) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_number(operand, text, below)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _number(operand, text, below)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            work = _OPERATORS[type(op)]
            return _checked(work(_number(left, text, below), _number(right, text, below)))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS:
            return _called(name, [_number(part, text, below) for part in _listed(arguments)])
    raise _refusal(node)


def _refusal(node: ast.expr) -> ToolError:
    match node:
        case ast.Name(id=name):
            return ToolError(f"unknown name {name!r}", hint="write numbers, not variables")
        case ast.Call(func=ast.Name(id=name)):
            return ToolError(f"can't call {name!r}", hint=f"known: {', '.join(sorted(_FUNCTIONS))}")
        case ast.Tuple():
            return ToolError("a comma parts arguments only", hint="write 1000, not 1,000, and 0.5, not 0,5")
    return ToolError(f"{type(node).__name__} can't be calculated", hint="write it like (3 + 4) * 2 / 7")


def _literal(node: ast.Constant, text: str) -> Fraction:
    """A number as it was written: 0.1 is a tenth."""
    written = ast.get_source_segment(text, node) or ""
    if isinstance(node.value, bool) or not isinstance(node.value, int | float):
        raise ToolError("only numbers can be calculated")
    if isinstance(node.value, int):
        return Fraction(node.value)
    _, _, exponent = written.lower().partition("e")
    if exponent and abs(int(exponent)) > 400:
        raise ToolError("the number is too large or too small")
    return Fraction(written)


def _listed(arguments: list[ast.expr]) -> list[ast.expr]:
    """The arguments; those of sum([1, 2]) are 1 and 2."""
    if len(arguments) == 1 and isinstance(arguments[0], ast.List | ast.Tuple):
        return arguments[0].elts
    return arguments


def _compared(node: ast.Compare, text: str) -> bool:
    values = [_number(part, text, 1) for part in (node.left, *node.comparators)]
    pairs = zip(values, node.ops, values[1:], strict=False)
    if any(type(op) not in _COMPARISONS for op in node.ops):
        raise ToolError("only == != < <= > >= compare numbers")
    return all(_COMPARISONS[type(op)](left, right) for left, op, right in pairs)


def _checked(value: Number) -> Number:
    if isinstance(value, float):
        if not math.isfinite(value):
            raise OverflowError
        return value
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > _MOST_BITS:
        raise OverflowError
    return value


def _divided(left: Number, right: Number) -> Number:
    return left / right


def _power(base: Number, exponent: Number) -> Number:
    if isinstance(base, Fraction) and isinstance(exponent, Fraction) and exponent.denominator == 1:
        bits = max(base.numerator.bit_length(), base.denominator.bit_length())
        if base not in (0, 1, -1) and bits * abs(exponent.numerator) > 2 * _MOST_BITS:
            raise OverflowError
        return Fraction(base**exponent.numerator)
    if exponent == Fraction(1, 2):
        return _root(base)
    if base < 0 and exponent != int(exponent):
        raise ToolError("a negative number has no such power among the real numbers")
    return math.pow(base, exponent)


def _root(value: Number) -> Number:
    if value < 0:
        raise ToolError("a negative number has no square root among the real numbers")
    if isinstance(value, Fraction):
        above, below = math.isqrt(value.numerator), math.isqrt(value.denominator)
        if above**2 == value.numerator and below**2 == value.denominator:
            return Fraction(above, below)
    return math.sqrt(value)


def _round(value: Number, digits: Number = Fraction(0)) -> Number:
    places = _whole(digits, 300)
    scaled = Fraction(value) * Fraction(10) ** places
    whole = math.floor(abs(scaled) + Fraction(1, 2))
    return Fraction(whole if scaled >= 0 else -whole) / Fraction(10) ** places


def _log(value: Number, base: Number = Fraction(10)) -> float:
    return math.log10(value) if base == 10 else math.log(value) / math.log(base)


def _whole(value: Number, largest: int) -> int:
    if value != int(value) or not -largest <= value <= largest:
        raise ToolError(f"{_shown(value)} is no whole number up to {largest}")
    return int(value)


def _of_whole(work: Callable[..., int], largest: int) -> Callable[..., Number]:
    def compute(*values: Number) -> Number:
        return Fraction(work(*(_whole(value, largest) for value in values)))

    return compute


def _called(name: str, arguments: list[Number]) -> Number:
    if len(arguments) > _MOST_ARGUMENTS:
        raise ToolError(f"{name} takes at most {_MOST_ARGUMENTS} numbers")
    try:
        return _checked(_FUNCTIONS[name](*arguments))
    except TypeError:
        raise ToolError(f"{name} doesn't take {len(arguments)} numbers") from None
    except (ValueError, statistics.StatisticsError) as error:
        raise ToolError(f"{name} isn't defined there: {error}") from None


def _shown(value: Number) -> str:
    """As digits; where these don't end soon, also as a fraction."""
    if isinstance(value, float):
        return f"{value:.{_DIGITS}g}"
    if value.denominator == 1:
        return str(value.numerator)
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    places = value.denominator.bit_length()
    if rest == 1 and places <= 4 * _DIGITS:
        whole = value * 10**places
        sign, digits = "-" * (value < 0), str(abs(whole.numerator)).rjust(places + 1, "0")
        return f"{sign}{digits[:-places]}.{digits[-places:].rstrip('0')}"
    approximate = f"{float(value):.{_DIGITS}g}"
    fraction = f"{value.numerator}/{value.denominator}"
    return f"{approximate} (exactly {fraction})" if len(fraction) <= 2 * _DIGITS else approximate


_OPERATORS: Mapping[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: _divided,
    ast.FloorDiv: lambda left, right: Fraction(math.floor(_divided(left, right))),
    ast.Mod: operator.mod,
    ast.Pow: _power,
}

_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Number, Number], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}

_FUNCTIONS: Mapping[str, Callable[..., Number]] = {
    "abs": abs,
    "round": _round,
    "floor": lambda value: Fraction(math.floor(value)),
    "ceil": lambda value: Fraction(math.ceil(value)),
    "min": lambda first, *rest: min(first, *rest) if rest else first,
    "max": lambda first, *rest: max(first, *rest) if rest else first,
    "sum": lambda *values: sum(values, Fraction(0)),
    "mean": lambda *values: statistics.mean(values),
    "median": lambda *values: statistics.median(values),
    "sqrt": _root,
    "exp": math.exp,
    "ln": math.log,
    "log": _log,
    "log2": math.log2,
    "log10": math.log10,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "asin": math.asin,
    "acos": math.acos,
    "atan": math.atan,
    "radians": math.radians,
    "degrees": math.degrees,
    "hypot": math.hypot,
    "factorial": _of_whole(math.factorial, _LARGEST_FACTORIAL),
    "comb": _of_whole(math.comb, _LARGEST_FACTORIAL),
    "perm": _of_whole(math.perm, _LARGEST_FACTORIAL),
    "gcd": _of_whole(math.gcd, 10**100),
    "lcm": _of_whole(math.lcm, 10**100),
}
