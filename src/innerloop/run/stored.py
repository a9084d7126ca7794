"""The configuration of a run that exists: read back, with what the command line may change."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from lightning.fabric.utilities.rank_zero import rank_zero_only
from omegaconf import DictConfig, OmegaConf

from innerloop.errors import UserError
from innerloop.machine.files import remove_unfinished, write_whole
from innerloop.startup.keys import Role, flat, having, role
from innerloop.startup.run_folder import KEPT, used_by_training
from innerloop.tasks import Episode

SHOWN = "config.yaml"  #: every value, to be read by people; KEPT has them before interpolation
OUTCOME = (
    "results.json", "scores.npz", "diagnostics.json", "adaptation.png", "figures/*.png",
    "tested_on/*/*.*",
)  # fmt: skip


class Plain(NamedTuple):
    """A configuration as plain values.

    Arguments:
        composed: in which values still follow each other.
        resolved: in which none does.
        fingerprint: of all that makes the run, see `fingerprint`.
    """

    composed: dict[str, Any]
    resolved: dict[str, Any]
    fingerprint: str


def plain(config: DictConfig) -> Plain:
    """The configuration as plain values."""
    resolved: Any = OmegaConf.to_container(config, resolve=True)
    return Plain(_composed(config), resolved, fingerprint(config))


def _composed(config: DictConfig) -> dict[str, Any]:
    """Values that still follow each other.

    What only the process knows, names and folders, is filled in.
    """
    content: Any = OmegaConf.to_container(config)
    for section in ("names", "paths"):
        content[section] = OmegaConf.to_container(config[section], resolve=True)
    return content


def fingerprint(config: DictConfig) -> str:
    """A short hash of all that moves a run's result, but for its seed."""
    content: Any = OmegaConf.to_container(config, resolve=True)
    for sizes in (content["episode"], content["episode"]["test"]):  # what does not move the result
        for key in {"balance", "alpha"} - Episode.of(sizes).record().keys():
            sizes.pop(key, None)
    _forget_defaults(content)
    setting = {key: value for key, value in flat(content).items() if Role.RESULT in role(key)}
    return hashlib.sha256(json.dumps(setting, sort_keys=True).encode()).hexdigest()[:12]


def _forget_defaults(content: dict[str, Any]) -> None:
    """Takes away what runs from before these choices do not have, and what follows from others."""
    training = content.pop("training", {"kind": "episodes"})
    if training["kind"] != "episodes":
        content["training"] = {k: v for k, v in training.items() if k != "classes"}
    if content.get("init_from") is None:
        content.pop("init_from", None)


@rank_zero_only
def save(plain: Plain, folder: Path) -> None:
    """Writes the configuration into a run's folder, in which nothing half-written stays."""
    for place in (folder, folder / "checkpoints"):
        remove_unfinished(place)
    # By the first of the two files the folder is a run's.
    for name, content in ((KEPT, plain.composed), (SHOWN, plain.resolved)):
        write_whole(folder / name, yaml.safe_dump(content, sort_keys=False))


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
    allowed: Role,
    own: str,
) -> DictConfig:
    """`stored` with those values of `composed` that the command line gave.

    Arguments:
        overrides: the command line's, such as `trainer=cpu`. Folders follow `composed`.
        allowed: the role of keys that may change.
        own: the key that named the run itself.

    Raises:
        UserError: for an override of anything else.
    """
    data = stored.paths.data
    for override in overrides:
        key = override.split("=", 1)[0].lstrip("+~").split("@")[0].replace("/", ".")
        if key in (own, "trust") or key.startswith("hydra"):
            continue
        if allowed not in role(key):
            raise UserError(
                f"{override}: {own}= keeps the run's own configuration, of which only "
                f"{', '.join(having(allowed))} may be changed (those of dataset as +dataset.path=)."
                " evaluate.py also tests on another data set, with dataset=NAME."
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
