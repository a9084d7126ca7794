"""What a run says before it starts: its differences from the defaults and from the paper."""

import shlex
from typing import Any

from hydra import compose
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from lightning.fabric.utilities.rank_zero import rank_zero_only
from omegaconf import DictConfig, OmegaConf

from innerloop.evaluation.protocol import setting

PUBLISHED = ("inner", "outer", "episode", "norm", "algorithm", "model", "dataset",
             "evaluation.tasks", "evaluation.scored_step")  # fmt: skip
CHOSEN = ("dataset", "model", "algorithm")  #: groups that the first line of a run names
SILENT = ("names", "paths", "hydra", "callbacks", "published", "deviates", "ckpt_path")


def differences(config: DictConfig, other: DictConfig) -> dict[str, tuple[Any, Any]]:
    """Dotted keys whose values differ: `(value in config, value in other)`."""
    ours, theirs = _flat(config), _flat(other)
    keys = dict.fromkeys([*ours, *theirs])
    return {k: (ours.get(k), theirs.get(k)) for k in keys if ours.get(k) != theirs.get(k)}


def announce(config: DictConfig) -> list[str]:
    """The lines that a run prints at its start."""
    names = config.names
    same = _composed(*[f"{group}={names[group]}" for group in CHOSEN])
    own = differences(config, same)
    changed = {
        key: pair
        for key, pair in differences(config, _composed()).items()
        if key.split(".")[0] not in SILENT
        and pair[0] is not None
        and (key in own or key.split(".")[0] not in CHOSEN)
    }
    chosen = f"{names.algorithm} on {names.dataset} with {names.model}, seed {config.seed}"
    lines = [chosen, f"results go to {config.paths.run}"]
    if changed:
        lines.append("differs from the defaults in")
        lines += [f"  {key}={value}" for key, (value, _) in changed.items()]
    return [*lines, *published(config)]


def published(config: DictConfig) -> list[str]:
    """How the run differs from its paper's setting, where `conf/experiment` has one."""
    test = config.episode.test
    name = setting(config.names.dataset, config.names.algorithm, test.ways, test.shots)
    try:
        paper = _composed(f"experiment={name}")
    except HydraException:  # no published setting is known
        return []
    for key in ("names", "paths"):  # what depends on the process, not on the setting
        paper[key] = config[key]
    own = differences(config, paper)  # what merely follows another key is the same there
    changed = {
        key: pair
        for key, pair in differences(_resolved(config), _resolved(paper)).items()
        if key in own and (key.split(".")[0] in PUBLISHED or key in PUBLISHED)
    }
    if not changed:
        return [f"the published setting: {paper.published}", f"it deviates in: {paper.deviates}"]
    listed = ", ".join(f"{key} {ours} (paper: {theirs})" for key, (ours, theirs) in changed.items())
    return [f"not the published setting, which is experiment={name}: {listed}"]


def command(earlier: str | None = None) -> str:
    """What was typed to start this run, or this member of a sweep; folders are left out.

    Arguments:
        earlier: the command of the run that this one goes on with.
    """
    job = HydraConfig.get()
    if earlier is None:
        return shlex.join(["python", f"src/{job.job.name}.py", *job.overrides.task])
    changes = [o for o in job.overrides.task if not o.startswith("resume=")]
    return f"{earlier}, resumed with {shlex.join(changes)}" if changes else earlier


def engine(chosen: dict[str, Any]) -> list[str]:
    """How the tasks of a batch are run, from `Engine.describe`."""
    chunk = "all tasks at once" if chosen["chunk"] is None else f"{chosen['chunk']} at a time"
    lines = [f"engine {chosen['name']}: {chunk}, {'compiled' if chosen['compile'] else 'eager'}"]
    if chosen["compile"]:
        lines.append("compiling the meta-gradient first, which takes up to a minute")
    return lines


@rank_zero_only
def say(*lines: str) -> None:
    """Prints lines at once, also where the output is piped; in the first process alone."""
    print("\n".join(lines), flush=True)


def _composed(*overrides: str) -> DictConfig:
    """Another configuration, with the config folders that this run has."""
    own = HydraConfig.get().overrides.hydra if HydraConfig.initialized() else []
    places = [o for o in own if o.startswith("hydra.searchpath")]
    return compose("train", [*places, *overrides])


def _resolved(config: DictConfig) -> DictConfig:
    part = OmegaConf.masked_copy(
        config,
        [
            "inner",
            "outer",
            "episode",
            "norm",
            "algorithm",
            "model",
            "dataset",
            "evaluation",
            "names",
            "paths",
        ],
    )
    resolved = OmegaConf.create(OmegaConf.to_container(part, resolve=True))
    assert isinstance(resolved, DictConfig)
    return resolved


def _flat(config: DictConfig) -> dict[str, Any]:
    flat: dict[str, Any] = {}

    def visit(prefix: str, value: Any) -> None:
        if isinstance(value, dict) and value:
            for key, inner in value.items():
                visit(f"{prefix}.{key}" if prefix else str(key), inner)
        else:
            flat[prefix] = value

    visit("", OmegaConf.to_container(config, resolve=False))
    return flat
