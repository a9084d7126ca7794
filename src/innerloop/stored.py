"""The configuration of a run that exists: read back, with what the command line may change."""

from pathlib import Path

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
        overrides: the command line's, such as `trainer=cpu`.
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
        OmegaConf.update(stored, key, OmegaConf.select(composed, key), merge=False, force_add=True)
    stored.paths = composed.paths
    return stored
