"""Arithmetic on stored numbers, written as text: `abs(sum(sets) - sets.total) < 0.5`.

A file of published numbers may come from anywhere, so expressions are never run as Python. Allowed are numbers, names
of stored numbers, `+ - * / // % **`, comparisons, tuples and the functions of `FUNCTIONS`. Anything else is
refused when the file is read.
"""

import ast
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from common.intervals import newcombe

LARGEST_BASE, LARGEST_EXPONENT = 1e9, 16
"""What may be raised to a power: whole numbers in Python have no end, and `9 ** 9 ** 9` would take all memory."""
LONGEST_TEXT = 2000
"""Characters of an expression; Python reads longer ones, but not if they are one long sum."""


class NotComputableError(ArithmeticError):
    """The stored numbers give no result: a division by 0, a root of a negative number, a share outside 0..1."""


def _power(base: float, exponent: float) -> float:
    # A negative base with a fractional exponent would give a complex number.
    if abs(base) > LARGEST_BASE or abs(exponent) > LARGEST_EXPONENT or (base < 0 and exponent % 1):
        raise NotComputableError(f"{base:g} ** {exponent:g}")
    return float(base**exponent)


def _product(one: Any, other: Any) -> Any:
    if isinstance(one, tuple) or isinstance(other, tuple):  # Python would repeat it, a million million times if asked
        raise TypeError("a tuple cannot be multiplied")
    return one * other


def _difference_interval(first: float, n_first: float, second: float, n_second: float) -> tuple[float, float]:
    if not (0 <= first <= 1 and 0 <= second <= 1 and n_first > 0 and n_second > 0):
        raise NotComputableError(f"no shares: {first:g} of {n_first:g}, {second:g} of {n_second:g}")
    return newcombe(first, n_first, second, n_second)


OPERATORS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: _product,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
}
COMPARISONS: dict[type, Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "min": min,
    "max": max,
    "sum": sum,
    "abs": abs,
    "round": round,
    "len": len,
    "newcombe": _difference_interval,  # 95 % interval of a difference of two shares: share, n, share, n
}


class Expression:
    """An expression that was checked.

    Attributes:
        names: of stored numbers that it needs; hyphens of ids are written as underscores.
    """

    def __init__(self, text: str) -> None:
        """Check an expression.

        Raises:
            ValueError: it is no expression, or has a part that is not allowed.
        """
        if len(text) > LONGEST_TEXT:
            raise ValueError(f"{text[:80]!r}... is no expression of at most {LONGEST_TEXT} characters")
        try:
            self._tree = ast.parse(text.strip(), mode="eval").body
            self.names = frozenset(_names(self._tree))
        except (SyntaxError, RecursionError, MemoryError):  # the last two: brackets nested a thousand deep
            raise ValueError(f"{text[:80]!r} is no expression") from None

    def value(self, stored: Mapping[str, Any]) -> Any:
        """Return a number, a truth value or a tuple of them.

        Raises:
            NotComputableError: the numbers give no result.
            ValueError: a tuple stands where a number must, or the other way round.
        """
        try:
            return _value(self._tree, stored)
        except (ZeroDivisionError, OverflowError) as error:
            raise NotComputableError(str(error)) from None
        except TypeError as error:
            raise ValueError(f"{ast.unparse(self._tree)!r} mixes numbers and tuples ({error})") from None


def _names(node: ast.expr) -> Iterator[str]:
    """Go through the names of an expression; raise ValueError for the first part that is not allowed."""
    match node:
        case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):  # True is an int in Python
            return
        case ast.Name() | ast.Attribute():
            yield _dotted(node)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            yield from _names(inner)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            yield from [*_names(left), *_names(right)]
        case ast.Compare(left=left, ops=ops, comparators=others) if all(type(op) in COMPARISONS for op in ops):
            yield from [name for part in (left, *others) for name in _names(part)]
        case ast.Call(func=ast.Name(id=called), args=parts, keywords=[]) if called in FUNCTIONS:
            yield from [name for part in parts for name in _names(part)]
        case ast.Tuple(elts=parts):
            yield from [name for part in parts for name in _names(part)]
        case _:
            raise ValueError(f"{ast.unparse(node)!r} is not allowed; functions are {', '.join(FUNCTIONS)}")


def _dotted(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=inner, attr=name):
            return f"{_dotted(inner)}.{name}"
    raise ValueError(f"{ast.unparse(node)!r} is no name of a stored number")


def _value(node: ast.expr, stored: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=number):
            return number
        case ast.UnaryOp(operand=inner):
            return -_value(inner, stored)
        case ast.BinOp(left=left, op=op, right=right):
            return OPERATORS[type(op)](_value(left, stored), _value(right, stored))
        case ast.Compare(left=left, ops=ops, comparators=others):
            values = [_value(part, stored) for part in (left, *others)]
            # As in Python, `a < b < c` compares neighbours.
            steps = zip(ops, values, values[1:], strict=False)
            return all(COMPARISONS[type(op)](one, other) for op, one, other in steps)
        case ast.Call(func=ast.Name(id=called), args=parts):
            return FUNCTIONS[called](*(_value(part, stored) for part in parts))
        case ast.Tuple(elts=parts):
            return tuple(_value(part, stored) for part in parts)
    return stored[_dotted(node)]
