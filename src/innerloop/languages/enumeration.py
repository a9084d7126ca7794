"""Search for a program that fits examples: cheap programs first, each a value only once."""

import itertools
import math
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from innerloop.languages.language import INPUT, INTEGER, Language, Term, Undefined
from innerloop.languages.lists import LISTS

UNIT = 0.5  #: nats of one unit of cost
Value = Sequence[int] | str  #: an input, or an output
Values = tuple[Any, ...]  #: what a term gives for each example
Bank = Mapping[tuple[str, int], list[tuple[Term, Values]]]  #: terms by type and cost


class Found(NamedTuple):
    """The result of a search."""

    term: Term | None  #: the first program that fits, if any
    tried: int  #: programs that were run
    seconds: float


def costs(weights: Mapping[str, float], language: Language = LISTS) -> dict[str, int]:
    r"""The cost of each function and constant: how improbable it is among those of its type.

    .. math:: c_s = \max(1, \lfloor -2 \log (w_s / \sum_{t} w_t) \rceil)

    Arguments:
        weights: positive, of the language's symbols; the input has weight 1. t has the type of s.

    Example:
        >>> own = costs({name: 0.01 for name in LISTS.symbols} | {"head": 1.0})
        >>> own["head"], own["last"]
        (1, 10)
    """
    weights = {**weights, INPUT: 1.0}
    functions = language.functions
    types = {name: functions[name].gives if name in functions else INTEGER for name in weights}
    types[INPUT] = language.given
    sums: dict[str, float] = defaultdict(float)
    for name, weight in weights.items():
        sums[types[name]] += weight
    parts = {name: weight / sums[types[name]] for name, weight in weights.items()}
    return {name: max(1, round(-math.log(part) / UNIT)) for name, part in parts.items()}


def search(
    inputs: Sequence[Value],
    outputs: Sequence[Value],
    cost: Mapping[str, int] | None = None,
    programs: int | None = None,
    seconds: float | None = None,
    language: Language = LISTS,
) -> Found:
    """The cheapest program that gives the outputs for the inputs.

    Programs are built bottom-up from those that were found before, in the order of their costs. Of
    programs with the same values for all inputs, only the first is kept; one that has no value for
    an input is dropped. The same arguments give the same program, unless the time runs out.

    Arguments:
        inputs, outputs: of the examples: lists, of which one of one integer is also that integer,
            or texts.
        cost: of each function and constant, and of the input `"x"`; see `costs`. Without, each
            costs 1, so that short programs come first.
        programs: to be run at most.
        seconds: for which to search at most.
        language: of the programs.

    Example:
        >>> search([[1, 2, 3], [5, 4]], [[3, 2], [4]]).term
        ('reverse', ('tail', 'x'))
    """
    start, tried = time.perf_counter(), 0
    most = math.inf if programs is None else programs
    goal = tuple(map(_hashable, outputs))
    goals = {goal, tuple(v[0] for v in goal) if all(len(v) == 1 for v in goal) else goal}
    equal = dict.fromkeys((INPUT, *language.symbols), 1)
    for term, values in _programs(inputs, cost or equal, language):
        tried += 1
        taken = time.perf_counter() - start
        if values in goals:
            return Found(term, tried, taken)
        if tried >= most or (seconds is not None and taken >= seconds):
            break
    return Found(None, tried, time.perf_counter() - start)


def _programs(
    inputs: Sequence[Value], cost: Mapping[str, int], language: Language
) -> Iterator[tuple[Term, Values | None]]:
    """Every program and its values in the order of costs; None for one that is not kept."""
    bank: dict[tuple[str, int], list[tuple[Term, Values]]] = defaultdict(list)
    bank[language.given, cost[INPUT]].append((INPUT, tuple(map(_hashable, inputs))))
    for k in language.constants:
        bank[INTEGER, cost[str(k)]].append((k, (k,) * len(inputs)))
    seen = {values for entries in bank.values() for _, values in entries}
    yield from [entry for entries in list(bank.values()) for entry in entries]
    for total in itertools.count(1):
        for name, function in language.functions.items():
            for arguments in _arguments(function.takes, total - cost[name], bank):
                term = (name, *[term for term, _ in arguments])
                values = _values(language, name, [values for _, values in arguments], len(inputs))
                if values is None or values in seen:
                    yield term, None
                    continue
                seen.add(values)
                bank[function.gives, total].append((term, values))
                yield term, values


def _arguments(takes: Sequence[str], total: int, bank: Bank) -> Iterator[tuple[Any, ...]]:
    """Every choice of arguments of these types that cost `total` together."""
    if not takes:
        if total == 0:
            yield ()
        return
    for own in range(1, total + 1) if len(takes) > 1 else (total,):
        for first in list(bank.get((takes[0], own), ())):
            for others in _arguments(takes[1:], total - own, bank):
                yield first, *others


def _values(
    language: Language, name: str, arguments: Sequence[Values], count: int
) -> Values | None:
    """What a function gives for each example; None if it has no value for one of them."""
    apply = language.functions[name].apply
    rows = zip(*arguments, strict=True) if arguments else [()] * count
    try:
        return tuple(_hashable(language.within_limits(apply(*row))) for row in rows)
    except (Undefined, IndexError, ZeroDivisionError, ValueError):
        return None


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
