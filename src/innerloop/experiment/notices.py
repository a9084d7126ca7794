"""What a run prints at its start: how it differs from the defaults and from the paper."""

import shlex

from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from lightning.fabric.utilities.rank_zero import rank_zero_only
from omegaconf import DictConfig

from innerloop.errors import visible
from innerloop.evaluation.sizes import setting
from innerloop.experiment.composed import composed
from innerloop.experiment.plain import PlainDict, plain_dict
from innerloop.startup import places
from innerloop.startup.keys import Role, flat, role
from innerloop.tasks import Episode

CHOSEN = ("dataset", "model", "algorithm")  #: groups that the first line of a run names


def changes(config: DictConfig, other: DictConfig) -> dict[str, tuple[object, object]]:
    """Dotted keys that differ: `(value in config, value in other)`.

    A key that follows another key in both configurations is left out, and so are names and folders.
    """
    other = other.copy()
    for key in ("names", "paths"):  # they differ between processes
        other[key] = config[key]
    ours, theirs, raw_ours, raw_theirs = [
        _flat(c, resolve) for resolve in (True, False) for c in (config, other)
    ]
    return {
        key: (ours.get(key), theirs.get(key))
        for key in dict.fromkeys([*ours, *theirs])
        if ours.get(key) != theirs.get(key) and raw_ours.get(key) != raw_theirs.get(key)
    }


def announce(config: DictConfig) -> list[str]:
    """The lines that a run prints at its start."""
    names = config.names
    defaults = composed(*[f"{group}={names[group]}" for group in CHOSEN])
    chosen = f"{names.algorithm} on {names.dataset} with {names.model}, seed {config.seed}"
    lines = [chosen, f"results go to {config.paths.run}"]
    for key, (value, default) in changes(config, defaults).items():
        if Role.ANNOUNCED in role(key):
            lines.append(f"  {key}={value} (default: {default})")
    return [*lines, *published(config)]


def published(config: DictConfig) -> list[str]:
    """How the run differs from the paper's setting, if `conf/experiment` has one.

    An experiment whose name begins with the setting's, such as `..._5way_1shot_shipped`, is a
    second way to it, and compared with itself.
    """
    test, chosen = config.episode.test, config.names.experiment or ""
    name = setting(config.names.dataset, config.names.algorithm, Episode.of(test))
    name = chosen if chosen.startswith(f"{name}_") else name
    try:
        paper = composed(f"experiment={name}")
    except HydraException:  # no published setting is known
        return []
    if paper.published is None:  # an experiment of our own
        return []
    changed = [
        f"{key} {ours} (paper: {theirs})"
        for key, (ours, theirs) in changes(config, paper).items()
        if Role.PUBLISHED in role(key)
    ]
    if changed:
        return [f"not the published setting, experiment={name}: {', '.join(changed)}"]
    return [f"the published setting: {paper.published}", f"it deviates in: {paper.deviates}"]


def command() -> str:
    """The command that starts this run, or this member of a sweep, without Hydra's options."""
    job = HydraConfig.get()
    overrides = [word for word in job.overrides.task if not word.startswith("sweep.")]
    name = job.job.name
    program = ["python", f"src/{name}.py"] if places.checkout() else ["innerloop", name]
    return shlex.join([*program, *overrides])


def engine(chosen: PlainDict) -> list[str]:
    """Lines that say how the tasks of a batch are computed, from `Engine.describe`."""
    chunk = "all tasks at once" if chosen["chunk"] is None else f"{chosen['chunk']} at a time"
    if (streams := chosen.get("streams", 1)) > 1:
        chunk += f" on each of {streams} streams"
    how = "compiled" if chosen["compile"] else "eager"
    how = "captured as a CUDA graph" if chosen.get("capture") else how
    lines = [f"engine {chosen['name']}: {chunk}, {how}"]
    if chosen.get("checkpoint"):
        lines.append("inner steps are computed again for the meta-gradient, to save memory")
    if chosen["compile"]:
        lines.append("compiling the meta-gradient first: seconds for a small network, minutes for")
        lines.append("images, and less the next time, from the cache")
    return lines


@rank_zero_only
def say(*lines: str) -> None:
    """Prints lines at once, also into a pipe; of several processes only the first prints."""
    print("\n".join(map(visible, lines)), flush=True)


def _flat(config: DictConfig, resolve: bool) -> PlainDict:
    return flat(plain_dict(config, resolve))
