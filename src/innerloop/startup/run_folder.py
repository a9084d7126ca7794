"""How the folder of a run is recognised, and refused to another run.

Imports nothing heavy: it runs before `--help` and shell completion answer.
"""

from pathlib import Path

from omegaconf import DictConfig

from innerloop.errors import UserError, visible
from innerloop.machine import lock

KEPT = "composed.yaml"  #: the file that marks a folder as that of a run
#: Files of a run or a test.
FILES = (KEPT, "config.yaml", "results.json", "scores.npz", "metrics.csv")
CHECKPOINTS = "checkpoints/*.ckpt"


def not_a_run(folder: object) -> str:
    """The message for a folder that does not hold a run."""
    return (
        f"resume={visible(folder)} is not the folder of a run: it has no {KEPT}. "
        "Give the folder that the run printed, such as outputs/DATE/TIME_NAME."
    )


def check_unused(config: DictConfig, folder: Path) -> None:
    """Refuses the folder of another run; a test may replace an earlier test, never a training."""
    tests = "ckpt_path" in config
    used = any((folder / name).exists() for name in ((KEPT,) if tests else FILES))
    if not used and (tests or not any(folder.glob(CHECKPOINTS))):
        return
    if lock.is_held(folder):
        raise UserError(lock.in_use(folder))
    raise UserError(used_by_training(folder) if tests else _used_by_run(folder))


def used_by_training(folder: Path) -> str:
    """The message for a test in the folder of a training."""
    return (
        f"{visible(folder)} is a training run's folder, and this test would replace its results: "
        "leave hydra.run.dir= out, or give another folder."
    )


def _used_by_run(folder: Path) -> str:
    return (
        f"{visible(folder)} holds a run already, which stays as it is: give another folder with "
        f"hydra.run.dir=FOLDER, or resume that run with resume={visible(folder)}."
    )
