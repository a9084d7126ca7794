"""The configuration of a run that exists: read back, with what the command line may change."""

import os
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from innerloop.errors import UserError

FILE = "config.yaml"
RESUME_MAY_CHANGE = (
    "outer.steps",
    "trainer",
    "logger",
    "callbacks",
    "paths",
    "workers",
    "threads",
    "tags",
)
EVALUATE_MAY_CHANGE = (
    "episode.test", "evaluation", "trainer", "engine", "logger", "paths", "workers", "threads",
    "tags",
)  # fmt: skip
DATASET_MAY_CHANGE = ("dataset.path", "dataset.data_dir")


def save(config: DictConfig, folder: Path) -> None:
    """Writes the resolved configuration into a run's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    OmegaConf.save(OmegaConf.create(OmegaConf.to_container(config, resolve=True)), folder / FILE)


def of_run(folder: str) -> DictConfig:
    """The configuration that a run's folder holds.

    Raises:
        UserError: if the folder is not a run's.
    """
    try:
        found = OmegaConf.load(Path(folder) / FILE)
    except (OSError, ValueError):
        raise UserError(
            f"resume={folder} is not the folder of a run: it has no {FILE}. "
            "Give the folder that the run printed, such as outputs/DATE/TIME_NAME."
        ) from None
    assert isinstance(found, DictConfig)
    return found


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
    for override in overrides:
        key = override.split("=", 1)[0].lstrip("+~").split("@")[0].replace("/", ".")
        if key == own or key.startswith("hydra"):
            continue
        if not any(key == a or key.startswith(f"{a}.") for a in (*allowed, *DATASET_MAY_CHANGE)):
            raise UserError(
                f"{override}: {own}= keeps the run's own configuration, of which only "
                f"{', '.join(allowed)} may be changed."
            )
        if key.split(".")[0] != "paths":
            value = OmegaConf.select(composed, key)
            OmegaConf.update(stored, key, value, merge=False, force_add=True)
    places = {stored.paths.run: composed.paths.run}
    if "INNERLOOP_DATA" in os.environ or any(o.startswith("paths.data=") for o in overrides):
        places[stored.paths.data] = composed.paths.data
    moved = OmegaConf.create(_moved(OmegaConf.to_container(stored), places))
    assert isinstance(moved, DictConfig)
    return moved


def _moved(value: Any, places: dict[str, str]) -> Any:
    """The same values with every path that lies under an old place put under its new one."""
    if isinstance(value, dict):
        return {key: _moved(inner, places) for key, inner in value.items()}
    if isinstance(value, list):
        return [_moved(inner, places) for inner in value]
    for old, new in places.items():
        if isinstance(value, str) and (value == old or value.startswith(f"{old}/")):
            return new + value[len(old) :]
    return value
