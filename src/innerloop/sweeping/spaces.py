"""Search spaces of Optuna, written in Hydra's grammar for overrides."""

from collections.abc import Iterable

from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)


def split(overrides: Iterable[Override]) -> tuple[dict[str, BaseDistribution], dict[str, str]]:
    """The distributions by key, and the values of keys that are fixed; of one key the last wins.

    `interval(0.01, 1)` is uniform, `tag(log, interval(0.01, 1))` is so in the logarithm, between
    whole numbers both give whole numbers; `range(1, 6)` is 1 to 5; `choice(a, b)` and `a, b` are
    categories.
    """
    space: dict[str, BaseDistribution] = {}
    fixed: dict[str, str] = {}
    for override in overrides:
        key = override.get_key_element()
        space.pop(key, None), fixed.pop(key, None)
        if override.is_sweep_override():
            space[key] = _distribution(override)
        else:
            fixed[key] = override.get_value_element_as_str()
    return space, fixed


def _distribution(override: Override) -> BaseDistribution:
    value = override.value()
    if isinstance(value, IntervalSweep):
        log = "log" in value.tags
        if isinstance(value.start, int) and isinstance(value.end, int):
            return IntDistribution(value.start, value.end, log=log)
        return FloatDistribution(float(value.start), float(value.end), log=log)
    if isinstance(value, RangeSweep) and isinstance(value.start, int) and value.step == 1:
        return IntDistribution(value.start, int(value.stop) - 1)
    return CategoricalDistribution(list(override.sweep_string_iterator()))
