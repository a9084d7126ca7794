"""Which W&B run a folder is, kept in the folder: offline, W&B itself would start another."""

import json
import secrets
from pathlib import Path
from typing import Any, NamedTuple

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from lightning.fabric.utilities.rank_zero import rank_zero_only

from innerloop.machine.files import write_whole
from innerloop.machine.foreign import BadFile
from innerloop.machine.mappings import read_json

FILE = "wandb_run.json"


class Identity(NamedTuple):
    """What W&B knows a run by."""

    id: str
    group: str | None  #: the sweep that the run is a member of
    job: str  #: the program: train or evaluate


def of_run(folder: Path) -> Identity:
    """The identity that the folder holds, or a new one, which it then holds."""
    job, known = _job(), read(folder)
    if known is not None and known["job"] == job:
        return Identity(**known)
    made = Identity(secrets.token_hex(4), _group(), job)
    _write(folder, made._asdict())
    return made


def read(folder: Path) -> dict[str, Any] | None:
    """The identity that the folder holds, as plain values for checkpoints; None if it has none.

    Raises:
        BadFile: if its file holds something else.
    """
    file = folder / FILE
    if not file.exists():
        return None
    known = read_json(file)
    if set(known) != set(Identity._fields):
        raise BadFile(file, f"does not hold {', '.join(Identity._fields)}: take it out")
    return known


@rank_zero_only
def restore(folder: Path, known: dict[str, Any] | None) -> None:
    """Gives a folder that has lost it the identity that a checkpoint holds."""
    if known is not None and not (folder / FILE).exists():
        _write(folder, known)


def _write(folder: Path, known: dict[str, Any]) -> None:
    write_whole(folder / FILE, json.dumps(known) + "\n")


def _job() -> str:
    return str(HydraConfig.get().job.name) if HydraConfig.initialized() else "train"


def _group() -> str | None:
    if not HydraConfig.initialized() or HydraConfig.get().mode != RunMode.MULTIRUN:
        return None
    return sweep_name(Path(HydraConfig.get().sweep.dir).resolve())


def sweep_name(folder: Path) -> str:
    """Name of a sweep's folder, with its day where it is a bare time of day."""
    told = any(letter.isalpha() for letter in folder.name)
    return folder.name if told else f"{folder.parent.name}_{folder.name}"
