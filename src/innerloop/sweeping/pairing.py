"""Says, before a sweep starts, what `compare.py` will make of its members."""

from collections.abc import Iterator, Sequence

from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from innerloop.errors import visible
from innerloop.experiment.composed import composed
from innerloop.experiment.inner_steps import has_inner_steps
from innerloop.experiment.plain import plain_dict
from innerloop.sweeping.grid import Words

PROTOCOL = ("tasks", "seed", "scored_step")  #: keys of `evaluation` on which paired tests agree
MOST = 100  #: settings of a sweep that are looked at


def remarks(members: Sequence[Words]) -> list[str]:
    """What keeps members from being paired, and how their batch norms differ.

    Arguments:
        members: the overrides of each.
    """
    without_seed = dict.fromkeys(tuple(w for w in m if not w.startswith("seed=")) for m in members)
    try:
        configs = [composed(*words) for words in list(without_seed)[:MOST]]
        return list(dict.fromkeys(line for same in _by_test(configs) for line in _of_test(same)))
    except (HydraException, OmegaConfBaseException):  # the member itself explains it better
        return []


def _by_test(configs: Sequence[DictConfig]) -> list[list[DictConfig]]:
    """The settings with the same data set and sizes of test tasks."""
    groups: dict[str, list[DictConfig]] = {}
    for config in configs:
        test = repr((plain_dict(config.dataset), plain_dict(config.episode.test)))
        groups.setdefault(test, []).append(config)
    return list(groups.values())


def _of_test(configs: Sequence[DictConfig]) -> Iterator[str]:
    for key in PROTOCOL:
        relevant = configs if key != "scored_step" else [c for c in configs if has_inner_steps(c)]
        values = list(dict.fromkeys(config.evaluation[key] for config in relevant))
        if len(values) > 1:
            yield visible(
                f"compare cannot pair all of these members: evaluation.{key} is "
                f"{' and '.join(map(str, values))}. evaluation.{key}={values[0]} for all mends it."
            )
    norms = list(dict.fromkeys(config.norm for config in configs))
    if len(norms) > 1:
        yield visible(f"batch norms differ ({', '.join(norms)}): compare shows them side by side")
