"""Small typed languages of programs: what they consist of, and how a program is run.

A term is a constant, `"x"` (the input) or `(function, *arguments)`, such as `("take", 2, "x")`. It
is data: nothing of it is ever executed as Python.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

Term = Any  #: an integer, `"x"`, or a tuple of a function's name and its arguments
INPUT = "x"
INTEGER = "int"  #: the type of constants


class Undefined(ValueError):
    """A program has no value for an input, or one beyond the limits."""


class Function(NamedTuple):
    """A function of a language, with the types that it takes and gives."""

    takes: tuple[str, ...]
    gives: str
    apply: Callable[..., Any]


class Language(NamedTuple):
    """A language of programs with one input.

    Arguments:
        given: the type of the input.
        functions: by name.
        constants: integers.
        within_limits: returns a value, or raises `Undefined` if it is too large.
    """

    given: str
    functions: Mapping[str, Function]
    constants: Sequence[int]
    within_limits: Callable[[Any], Any]

    @property
    def symbols(self) -> tuple[str, ...]:
        """What a program is written with, beside its input."""
        return (*self.functions, *map(str, self.constants))

    def evaluate(self, term: Term, x: Any) -> Any:
        """The value of a term for the input `x`.

        Raises:
            Undefined: for the head of an empty list, a division by zero, or a value beyond the
                limits.

        Example:
            >>> from innerloop.languages.lists import LISTS
            >>> LISTS.evaluate(("apply", ("plus", 1), ("take", 2, "x")), [3, 5, 9])
            [4, 6]
        """
        if not isinstance(term, tuple):
            return x if term == INPUT else term
        name, *arguments = term
        values = [self.evaluate(argument, x) for argument in arguments]
        try:
            return self.within_limits(self.functions[name].apply(*values))
        except (IndexError, ZeroDivisionError, ValueError) as error:
            raise Undefined(f"{name} has no value here") from error

    def answer(self, term: Term, x: Any) -> Any:
        """The value of a term, an integer as a list of one; None where it is undefined."""
        try:
            value = self.evaluate(term, x)
        except Undefined:
            return None
        return value if isinstance(value, list | str) else [value]

    def type_of(self, term: Term) -> str:
        """The type of a term.

        Raises:
            TypeError: if a function in it gets arguments that it does not take.
        """
        if not isinstance(term, tuple):
            return self.given if term == INPUT else INTEGER
        function = self.functions[term[0]]
        if tuple(self.type_of(argument) for argument in term[1:]) != function.takes:
            raise TypeError(f"{term[0]} takes {function.takes}")
        return function.gives

    def random_term(self, rng: np.random.Generator, kind: str, depth: int) -> Term:
        """A random term of a type, in which values of the input's type are nested `depth` deep at
        most.

        Integers are constants, except in one of five places, where lists may still be nested.
        """
        if kind == self.given and depth == 0:
            return INPUT
        names = [name for name, function in self.functions.items() if function.gives == kind]
        if kind == INTEGER and (depth == 0 or not names or rng.random() < 0.8):
            return int(rng.integers(len(self.constants)))
        name = names[rng.integers(len(names))]
        below = depth - (kind in (self.given, INTEGER))
        arguments = [
            self.random_term(rng, takes, below if takes == self.given else min(below, 1))
            for takes in self.functions[name].takes
        ]
        return (name, *arguments)


def symbols_of(term: Term) -> set[str]:
    """The functions and constants that occur in a term, as text.

    Example:
        >>> sorted(symbols_of(("take", 2, ("reverse", "x"))))
        ['2', 'reverse', 'take']
    """
    if not isinstance(term, tuple):
        return set() if term == INPUT else {str(term)}
    return {term[0]}.union(*map(symbols_of, term[1:]))


def written(term: Term) -> str:
    """The term as text: `take(2, x)`."""
    if not isinstance(term, tuple):
        return str(term)
    return f"{term[0]}({', '.join(written(argument) for argument in term[1:])})"
