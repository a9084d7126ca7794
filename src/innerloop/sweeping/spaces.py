"""Search spaces for Optuna, from overrides in Hydra's grammar."""

from collections.abc import Iterable

from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)


def split(overrides: Iterable[Override]) -> tuple[dict[str, BaseDistribution], dict[str, str]]:
    """Distributions and fixed values, both by key; the last override of a key counts.

    `interval(0.01, 1)` is uniform and `tag(log, interval(0.01, 1))` is uniform in the logarithm;
    `int()` around either gives whole numbers; `range(1, 6)` is 1 to 5; `choice(a, b)` and `a, b`
    are categories.
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
        log, low, high = "log" in value.tags, value.start, value.end
        assert low is not None and high is not None  # the grammar requires both
        if isinstance(low, int) and isinstance(high, int):
            return IntDistribution(low, high, log=log)
        return FloatDistribution(low, high, log=log)
    if isinstance(value, RangeSweep) and value.step == 1:
        low, high = value.start, value.stop
        if isinstance(low, int) and isinstance(high, int):
            return IntDistribution(low, high - 1)
    return CategoricalDistribution(list(override.sweep_string_iterator()))
