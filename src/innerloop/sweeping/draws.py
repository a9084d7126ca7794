"""Random settings of a search space in Hydra's grammar, without Optuna."""

import math
from collections.abc import Mapping

import numpy as np
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override


def draw(searched: Mapping[str, object], random: np.random.Generator) -> list[str]:
    """One value of each key as overrides; the grammar is that of `innerloop.sweeping.spaces`.

    Arguments:
        searched: values by key, as `hydra.sweeper.params` has them.

    Example:
        >>> space = {"inner.rate": "tag(log, interval(0.001, 1.0))", "inner.steps": "range(1, 6)"}
        >>> draw(space, np.random.default_rng(0))
        ['inner.rate=0.08145', 'inner.steps=3']
    """
    words = [f"{key}={values}" for key, values in searched.items()]
    return [
        f"{override.get_key_element()}={_value(override, random)}"
        for override in OverridesParser.create().parse_overrides(words)
    ]


def _value(override: Override, random: np.random.Generator) -> str:
    value = override.value()
    if not override.is_sweep_override():
        return override.get_value_element_as_str()
    if not isinstance(value, IntervalSweep):
        choices = list(override.sweep_string_iterator())
        return choices[random.integers(len(choices))]
    low, high = value.start, value.end
    assert low is not None and high is not None  # the grammar requires both
    if isinstance(low, int) and isinstance(high, int):
        return str(random.integers(low, high + 1))
    if "log" in value.tags:
        return f"{math.exp(random.uniform(math.log(low), math.log(high))):.4g}"
    return f"{random.uniform(low, high):.4g}"
