"""The W&B run of a folder, stored in the folder: offline, W&B itself would start a new one."""

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from lightning.fabric.utilities.rank_zero import rank_zero_only

from innerloop.machine.files import write_whole
from innerloop.machine.foreign import BadFile
from innerloop.machine.mappings import read_json

FILE = "wandb_run.json"


class Identity(NamedTuple):
    """The fields by which W&B identifies a run."""

    id: str
    group: str | None  #: the sweep of which the run is a member
    job: str  #: the program: train or evaluate


def of_run(folder: Path) -> Identity:
    """The identity stored in the folder; a new one is stored where there is none."""
    program, stored = job(), read(folder)
    if stored is not None and stored["job"] == program:
        return Identity(str(stored["id"]), stored["group"], program)
    new = Identity(secrets.token_hex(4), group(), program)
    _write(folder, new._asdict())
    return new


def read(folder: Path) -> dict[str, str | None] | None:
    """The identity stored in the folder, as plain values for checkpoints; None if it has none.

    Raises:
        BadFile: if the file holds anything else.
    """
    file = folder / FILE
    if not file.exists():
        return None
    known = read_json(file)
    if set(known) != set(Identity._fields):
        raise BadFile(file, f"does not hold {', '.join(Identity._fields)}: take it out")
    return {key: None if value is None else str(value) for key, value in known.items()}


@rank_zero_only
def restore(folder: Path, identity: Mapping[str, object] | None) -> None:
    """Stores the identity from a checkpoint in a folder that has lost its own."""
    if identity is not None and not (folder / FILE).exists():
        _write(folder, identity)


def _write(folder: Path, identity: Mapping[str, object]) -> None:
    write_whole(folder / FILE, json.dumps(identity) + "\n")


def job() -> str:
    """The program: train or evaluate."""
    return str(HydraConfig.get().job.name) if HydraConfig.initialized() else "train"


def group() -> str | None:
    """The sweep of which this process runs a member."""
    if not HydraConfig.initialized() or HydraConfig.get().mode != RunMode.MULTIRUN:
        return None
    return sweep_name(Path(HydraConfig.get().sweep.dir).resolve())


def sweep_name(folder: Path) -> str:
    """The name of a sweep's folder, with the day where the name is only a time of day."""
    descriptive = any(letter.isalpha() for letter in folder.name)
    return folder.name if descriptive else f"{folder.parent.name}_{folder.name}"
