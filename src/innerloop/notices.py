"""What a run says before it starts: its differences from the defaults and from the paper."""

import shlex
from typing import Any

from hydra import compose
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from innerloop.evaluation.protocol import setting

PUBLISHED_KEYS = ("inner", "outer", "episode", "norm", "algorithm", "model")
SILENT = ("names", "paths", "hydra", "callbacks", "published", "ckpt_path")


def differences(config: DictConfig, other: DictConfig) -> dict[str, tuple[Any, Any]]:
    """Dotted keys whose values differ: `(value in config, value in other)`."""
    ours, theirs = _flat(config), _flat(other)
    keys = dict.fromkeys([*ours, *theirs])
    return {k: (ours.get(k), theirs.get(k)) for k in keys if ours.get(k) != theirs.get(k)}


def announce(config: DictConfig) -> list[str]:
    """The lines that a run prints at its start."""
    changed = {
        key: pair
        for key, pair in differences(config, compose("train")).items()
        if key.split(".")[0] not in SILENT and pair[0] is not None
    }
    names = config.names
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
        paper = compose("train", [f"experiment={name}"])
    except HydraException:  # no published setting is known
        return []
    for key in ("names", "paths"):  # what depends on the process, not on the setting
        paper[key] = config[key]
    changed = {
        key: pair
        for key, pair in differences(_resolved(config), _resolved(paper)).items()
        if key.split(".")[0] in PUBLISHED_KEYS and not key.startswith("episode.test.queries")
    }
    if not changed:
        return [f"the published setting: {paper.published}"]
    listed = ", ".join(f"{key} {ours} (paper: {theirs})" for key, (ours, theirs) in changed.items())
    return [f"not the published setting, which is experiment={name}: {listed}"]


def command() -> str:
    """What was typed to start this run, or this member of a sweep; folders are left out."""
    job = HydraConfig.get()
    return shlex.join(["python", f"src/{job.job.name}.py", *job.overrides.task])


def engine(chosen: dict[str, Any]) -> list[str]:
    """How the tasks of a batch are run, from `Engine.describe`."""
    chunk = "all tasks at once" if chosen["chunk"] is None else f"{chosen['chunk']} at a time"
    lines = [f"engine {chosen['name']}: {chunk}, {'compiled' if chosen['compile'] else 'eager'}"]
    if chosen["compile"]:
        lines.append("compiling the meta-gradient first, which takes up to a minute")
    return lines


def say(*lines: str) -> None:
    """Prints lines at once, also where the output is piped."""
    print("\n".join(lines), flush=True)


def _resolved(config: DictConfig) -> DictConfig:
    part = OmegaConf.masked_copy(
        config, [*PUBLISHED_KEYS, "names", "paths", "dataset", "evaluation"]
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
