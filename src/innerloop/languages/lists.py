"""A small typed language of programs over lists of integers: its functions.

Types are `list`, `int`, `map` (integer to integer) and `test` (integer to truth).
"""

from collections.abc import Mapping
from math import isqrt, prod
from typing import Any

from innerloop.languages.language import Function, Language, Undefined

LONGEST, LARGEST = 64, 10**6  #: of a list, and of an integer's absolute value


def is_prime(n: int) -> bool:
    """Whether `n` is a prime number."""
    return n > 1 and all(n % d for d in range(2, isqrt(n) + 1))


def _rotate(k: int, x: list[int]) -> list[int]:
    k = k % len(x) if x else 0
    return x[k:] + x[:k]


def _each(k: int, x: list[int]) -> list[int]:
    if k * len(x) > LONGEST:
        raise Undefined("a list is too long")
    return [v for v in x for _ in range(k)]


FUNCTIONS: Mapping[str, Function] = {
    "reverse": Function(("list",), "list", lambda x: x[::-1]),
    "sort": Function(("list",), "list", sorted),
    "tail": Function(("list",), "list", lambda x: x[1:]),
    "all_but_last": Function(("list",), "list", lambda x: x[:-1]),
    "take": Function(("int", "list"), "list", lambda k, x: x[: max(k, 0)]),
    "drop": Function(("int", "list"), "list", lambda k, x: x[max(k, 0) :]),
    "rotate": Function(("int", "list"), "list", _rotate),
    "repeat": Function(("int", "list"), "list", lambda k, x: x * min(k, LONGEST + 1)),
    "append": Function(("int", "list"), "list", lambda k, x: [*x, k]),
    "prepend": Function(("int", "list"), "list", lambda k, x: [k, *x]),
    "concatenate": Function(("list", "list"), "list", lambda x, y: [*x, *y]),
    "each": Function(("int", "list"), "list", _each),
    "apply": Function(("map", "list"), "list", lambda f, x: [f(v) for v in x]),
    "keep": Function(("test", "list"), "list", lambda p, x: [v for v in x if p(v)]),
    "remove": Function(("test", "list"), "list", lambda p, x: [v for v in x if not p(v)]),
    "mark": Function(("test", "list"), "list", lambda p, x: [int(p(v)) for v in x]),
    "count": Function(("test", "list"), "int", lambda p, x: sum(p(v) for v in x)),
    "any": Function(("test", "list"), "int", lambda p, x: int(any(p(v) for v in x))),
    "all": Function(("test", "list"), "int", lambda p, x: int(all(p(v) for v in x))),
    "range": Function(("int",), "list", lambda k: list(range(min(k, LONGEST + 1)))),
    "head": Function(("list",), "int", lambda x: x[0]),
    "last": Function(("list",), "int", lambda x: x[-1]),
    "largest": Function(("list",), "int", max),
    "smallest": Function(("list",), "int", min),
    "sum": Function(("list",), "int", sum),
    "product": Function(("list",), "int", prod),
    "length": Function(("list",), "int", len),
    "at": Function(("int", "list"), "int", lambda k, x: x[k] if k >= 0 else x[len(x)]),
    "is": Function(("test", "int"), "int", lambda p, v: int(p(v))),
    "plus": Function(("int",), "map", lambda k: lambda v: v + k),
    "times": Function(("int",), "map", lambda k: lambda v: v * k),
    "modulo": Function(("int",), "map", lambda k: lambda v: v % k),
    "power": Function(("int",), "map", lambda k: lambda v: v ** min(max(k, 0), 20)),
    "constant": Function(("int",), "map", lambda k: lambda v: k),
    "equals": Function(("int",), "test", lambda k: lambda v: v == k),
    "divisible": Function(("int",), "test", lambda k: lambda v: v % k == 0),
    "even": Function((), "test", lambda: lambda v: v % 2 == 0),
    "prime": Function((), "test", lambda: is_prime),
    "square": Function((), "test", lambda: lambda v: v >= 0 and isqrt(v) ** 2 == v),
    "at_least": Function(("int",), "test", lambda k: lambda v: v >= k),
    "not": Function(("test",), "test", lambda p: lambda v: not p(v)),
}


def within_limits(value: Any) -> Any:
    """The value, if it is within the limits.

    Raises:
        Undefined: if it is not.
    """
    if isinstance(value, list):
        if len(value) > LONGEST or any(abs(v) > LARGEST for v in value):
            raise Undefined("a list is too long, or an integer too large")
    elif isinstance(value, int) and abs(value) > LARGEST:
        raise Undefined("an integer is too large")
    return value


LISTS = Language("list", FUNCTIONS, range(6), within_limits)
