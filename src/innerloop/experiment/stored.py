"""The configuration and the results in a run's folder."""

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

import yaml
from lightning.fabric.utilities.rank_zero import rank_zero_only
from omegaconf import DictConfig

from innerloop.errors import UserError
from innerloop.experiment.plain import PlainDict, plain_dict
from innerloop.machine.files import remove_unfinished, write_whole
from innerloop.startup.keys import Role, flat, role
from innerloop.startup.run_folder import KEPT, used_by_training
from innerloop.tasks import Episode

SHOWN = "config.yaml"  #: all values, for people to read; KEPT has them before interpolation
OUTCOME = (
    "results.json", "scores.npz", "baselines.npz", "answers.npz", "diagnostics.json",
    "adaptation.*", "figures/*.*", "tested_on/*/*.*",
)  # fmt: skip


class Plain(NamedTuple):
    """A configuration as plain values.

    Arguments:
        composed: before interpolation, so that values still refer to each other.
        resolved: after interpolation.
        fingerprint: a hash of its settings, see `fingerprint`.
    """

    composed: PlainDict
    resolved: PlainDict
    fingerprint: str


def plain(config: DictConfig) -> Plain:
    """The configuration as plain values."""
    return Plain(_composed(config), plain_dict(config), fingerprint(config))


def _composed(config: DictConfig) -> PlainDict:
    """Values before interpolation, but for names and folders, which only this process knows."""
    content = plain_dict(config, resolve=False)
    for section in ("names", "paths"):
        content[section] = plain_dict(config[section])
    return content


def fingerprint(config: DictConfig) -> str:
    """A short hash of all settings that change a run's result, except its seed."""
    content = plain_dict(config)
    for sizes in (content["episode"], content["episode"]["test"]):  # these have no effect
        for key in Episode._field_defaults.keys() - Episode.of(sizes).record().keys():
            sizes.pop(key, None)
    _forget_defaults(content)
    setting = {key: value for key, value in flat(content).items() if Role.RESULT in role(key)}
    return hashlib.sha256(json.dumps(setting, sort_keys=True).encode()).hexdigest()[:12]


def _forget_defaults(content: PlainDict) -> None:
    """Removes choices that older runs do not have, and values that follow from others."""
    training = content.pop("training", {"kind": "episodes"})
    if training["kind"] != "episodes":
        content["training"] = {k: v for k, v in training.items() if k != "classes"}
    validation = content["evaluation"]["validation"]
    if validation.get("dataset") is None:
        validation.pop("dataset", None)
    if validation.get("minutes") is None:
        validation.pop("minutes", None)
    if content["trainer"].get("matmul") == "ieee":
        content["trainer"].pop("matmul")
    for key in ("init_from", "distil_from", "encoder", "augment"):
        if content.get(key) is None:
            content.pop(key, None)


@rank_zero_only
def save(plain: Plain, folder: Path) -> None:
    """Writes the configuration into a run's folder, and removes half-written files there."""
    for place in (folder, folder / "checkpoints"):
        remove_unfinished(place)
    # The first of the two files marks the folder as a run's.
    for name, content in ((KEPT, plain.composed), (SHOWN, plain.resolved)):
        write_whole(folder / name, yaml.safe_dump(content, sort_keys=False))


@rank_zero_only
def clear_outcome(folder: Path) -> None:
    """Removes the files of an earlier test, because the next test may not replace all of them.

    The results go first: if this is interrupted, the folder does not pass for a finished run.
    """
    for file in (file for pattern in OUTCOME for file in folder.glob(pattern)):
        file.unlink()


def check_no_run(folder: Path) -> None:
    """Raises `UserError` for the folder of a training: a test would replace its results."""
    if (folder / KEPT).exists():
        raise UserError(used_by_training(folder))
