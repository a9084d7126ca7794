"""A small typed language of programs over lists of integers: its functions, and how a term is run.

A term is a constant, `"x"` (the input) or `(function, *arguments)`, such as `("take", 2, "x")`. It
is data: nothing of it is ever executed as Python.
"""

from collections.abc import Callable, Mapping
from math import isqrt, prod
from typing import Any, NamedTuple

import numpy as np

Term = Any  #: an integer, `"x"`, or a tuple of a function's name and its arguments
INPUT, CONSTANTS = "x", range(6)
LONGEST, LARGEST = 64, 10**6  #: of a list, and of an integer's absolute value


class Undefined(ValueError):
    """A program has no value for an input, or one beyond the limits."""


class Function(NamedTuple):
    """A function of the language: types are `list`, `int`, `map` (integer to integer) and `test`
    (integer to truth)."""

    takes: tuple[str, ...]
    gives: str
    apply: Callable[..., Any]


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


SYMBOLS = (*FUNCTIONS, *map(str, CONSTANTS))  #: what a program is written with, beside its input


def evaluate(term: Term, x: list[int]) -> Any:
    """The value of a term for the input `x`.

    Raises:
        Undefined: for the head of an empty list, a division by zero, or a value beyond the limits.

    Example:
        >>> evaluate(("apply", ("plus", 1), ("take", 2, "x")), [3, 5, 9])
        [4, 6]
    """
    if not isinstance(term, tuple):
        return x if term == INPUT else term
    name, *arguments = term
    values = [evaluate(argument, x) for argument in arguments]
    try:
        return within_limits(FUNCTIONS[name].apply(*values))
    except (IndexError, ZeroDivisionError, ValueError) as error:
        raise Undefined(f"{name} has no value here") from error


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


def symbols_of(term: Term) -> set[str]:
    """The functions and constants that occur in a term, as text.

    Example:
        >>> sorted(symbols_of(("take", 2, ("reverse", "x"))))
        ['2', 'reverse', 'take']
    """
    if not isinstance(term, tuple):
        return set() if term == INPUT else {str(term)}
    return {term[0]}.union(*map(symbols_of, term[1:]))


def type_of(term: Term) -> str:
    """The type of a term.

    Raises:
        TypeError: if a function in it gets arguments that it does not take.
    """
    if not isinstance(term, tuple):
        return "list" if term == INPUT else "int"
    function = FUNCTIONS[term[0]]
    if tuple(type_of(argument) for argument in term[1:]) != function.takes:
        raise TypeError(f"{term[0]} takes {function.takes}")
    return function.gives


def written(term: Term) -> str:
    """The term as text: `take(2, x)`."""
    if not isinstance(term, tuple):
        return str(term)
    return f"{term[0]}({', '.join(written(argument) for argument in term[1:])})"


def random_term(rng: np.random.Generator, kind: str, depth: int) -> Term:
    """A random term of a type, in which lists are nested `depth` deep at most.

    Integers are constants, except in one of five places, where lists may still be nested.
    """
    if kind == "list" and depth == 0:
        return INPUT
    if kind == "int" and (depth == 0 or rng.random() < 0.8):
        return int(rng.integers(len(CONSTANTS)))
    names = [name for name, function in FUNCTIONS.items() if function.gives == kind]
    name = names[rng.integers(len(names))]
    below = depth - (kind in ("list", "int"))
    arguments = [
        random_term(rng, takes, below if takes == "list" else min(below, 1))
        for takes in FUNCTIONS[name].takes
    ]
    return (name, *arguments)
