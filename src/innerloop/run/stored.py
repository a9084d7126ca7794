"""The configuration of a run that exists: read back, with what the command line may change."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import yaml
from lightning.fabric.utilities.rank_zero import rank_zero_only
from omegaconf import DictConfig, OmegaConf

from innerloop.errors import UserError
from innerloop.machine.files import remove_unfinished, whole_file
from innerloop.startup.folder_check import KEPT, used_by_training

SHOWN = "config.yaml"  #: every value, to be read by people; KEPT has them before interpolation
BESIDES = (
    "seed", "names", "paths", "logger", "callbacks", "tags", "published", "deviates", "resume",
    "estimate", "trust", "threads", "workers", "patience", "trainer", "sweep", "diagnostics",
)  # fmt: skip
OUTCOME = ("results.json", "scores.npz", "diagnostics.json", "adaptation.png", "figures/*.png")
RESUME_MAY_CHANGE = (
    "outer.steps", "trainer", "logger", "callbacks", "paths", "workers", "patience", "threads",
    "tags", "diagnostics",
)  # fmt: skip
EVALUATE_MAY_CHANGE = (
    "episode.test", "evaluation", "trainer", "engine", "logger", "paths", "workers", "patience",
    "threads", "tags", "diagnostics",
)  # fmt: skip
DATASET_MAY_CHANGE = ("dataset.path", "dataset.data_dir", "dataset.on_device")


def kept(config: DictConfig) -> dict[str, Any]:
    """The configuration as plain values, whose values still follow each other.

    What only the process knows, names and folders, is filled in.
    """
    content: Any = OmegaConf.to_container(config)
    for section in ("names", "paths"):
        content[section] = OmegaConf.to_container(config[section], resolve=True)
    return content


def fingerprint(config: DictConfig) -> str:
    """A short hash of all that makes a run but its seed, its folders and what it is watched by."""
    content: Any = OmegaConf.to_container(config, resolve=True)
    content["outer"].pop("nonfinite", None)
    _forget_defaults(content)
    content["engine"].pop("checkpoint", None)  # the same gradient, for less memory
    made = {key: value for key, value in content.items() if key not in BESIDES}
    if content["trainer"]["precision"] != "32-true":  # of the trainer, what moves the result
        made["precision"] = content["trainer"]["precision"]
    dataset = content["dataset"].items()
    made["dataset"] = {k: v for k, v in dataset if f"dataset.{k}" not in DATASET_MAY_CHANGE}
    return hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()[:12]


def _forget_defaults(content: dict[str, Any]) -> None:
    """Takes away what runs from before these choices do not have, and what follows from others."""
    training = content.pop("training", {"kind": "episodes"})
    if training["kind"] != "episodes":
        content["training"] = {k: v for k, v in training.items() if k != "classes"}
    if content.get("init_from") is None:
        content.pop("init_from", None)


@rank_zero_only
def save(config: DictConfig, folder: Path) -> None:
    """Writes the configuration into a run's folder, in which nothing half-written stays."""
    for place in (folder, folder / "checkpoints"):
        remove_unfinished(place)
    resolved = OmegaConf.to_container(config, resolve=True)
    for name, content in ((KEPT, kept(config)), (SHOWN, resolved)):  # by the first it is a run
        with whole_file(folder / name) as file:
            file.write(yaml.safe_dump(content, sort_keys=False).encode())


@rank_zero_only
def clear_outcome(folder: Path) -> None:
    """Removes what an earlier test left, of which the next one may not replace every file.

    The results go first: what remains if this is cut short is no finished run.
    """
    for file in (file for pattern in OUTCOME for file in folder.glob(pattern)):
        file.unlink()


def check_no_run(folder: Path) -> None:
    """Raises `UserError` for the folder of a training, whose results a test would replace."""
    if (folder / KEPT).exists():
        raise UserError(used_by_training(folder))


def overlay(
    stored: DictConfig,
    composed: DictConfig,
    overrides: list[str],
    allowed: tuple[str, ...],
    own: str,
) -> DictConfig:
    """`stored` with those values of `composed` that the command line gave.

    Arguments:
        overrides: the command line's, such as `trainer=cpu`. Folders follow `composed`.
        allowed: keys, or beginnings of keys, that may change.
        own: the key that named the run itself.

    Raises:
        UserError: for an override of anything else.
    """
    data = stored.paths.data
    for override in overrides:
        key = override.split("=", 1)[0].lstrip("+~").split("@")[0].replace("/", ".")
        if key in (own, "trust") or key.startswith("hydra"):
            continue
        if not any(key == a or key.startswith(f"{a}.") for a in (*allowed, *DATASET_MAY_CHANGE)):
            raise UserError(
                f"{override}: {own}= keeps the run's own configuration, of which only "
                f"{', '.join(allowed)} may be changed, and +dataset.path= or +dataset.data_dir=."
            )
        if override.startswith("~"):
            raise UserError(f"{override}: {own}= can change values, and takes none away.")
        OmegaConf.update(stored, key, _raw(composed, key), merge=False, force_add=True)
    stored.paths = OmegaConf.to_container(composed.paths, resolve=True)
    if "INNERLOOP_DATA" not in os.environ and not any(
        o.startswith("paths.data=") for o in overrides
    ):
        stored.paths.data = data
    return stored


def _raw(config: DictConfig, key: str) -> Any:
    """The value of a dotted key before interpolation."""
    value: Any = OmegaConf.to_container(config)
    for part in key.split("."):
        value = value[part]
    return value
