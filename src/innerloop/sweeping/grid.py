"""The members of a grid, from the words of its command line."""

import itertools
from collections.abc import Mapping, Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser

Words = tuple[str, ...]  #: a member's overrides


def members(words: Sequence[str], searched: Mapping[str, object]) -> list[Words]:
    """The overrides of every member, in the order of the sweep.

    Arguments:
        words: overrides as `--multirun` takes them.
        searched: values by key, as `hydra.sweeper.params` has them.

    Example:
        >>> members(["algorithm=maml,anil", "seed=range(2)"], {"inner.steps": "1,5"})[1]
        ('inner.steps=1', 'algorithm=maml', 'seed=1')
        >>> len(members(["algorithm=maml,anil", "seed=range(2)"], {"inner.steps": "1,5"}))
        8
    """
    every = [*[f"{key}={values}" for key, values in searched.items()], *words]
    choices = [
        [f"{override.get_key_element()}={value}" for value in override.sweep_string_iterator()]
        if override.is_sweep_override()
        else [str(override.input_line)]
        for override in OverridesParser.create().parse_overrides(every)
    ]
    return list(itertools.product(*choices))
