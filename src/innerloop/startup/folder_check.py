"""Hydra callback: the folder of a run is its own, and can be written, before anything happens.

Imports nothing heavy: it runs before `--help` and shell completion answer.
"""

import os
import sys
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, read_write

from innerloop.errors import UserError, visible
from innerloop.machine import lock
from innerloop.machine.writable import check_writable

KEPT = "composed.yaml"  #: the file by which a run's folder is known
LEFT = (KEPT, "config.yaml", "results.json", "scores.npz", "metrics.csv")  #: by a run, or a test
CHECKPOINTS = "checkpoints/*.ckpt"


def no_run(folder: Any) -> str:
    """What to say of a folder that is not a run's."""
    return (
        f"resume={visible(folder)} is not the folder of a run: it has no {KEPT}. "
        "Give the folder that the run printed, such as outputs/DATE/TIME_NAME."
    )


class FolderCheck(Callback):
    """Locks the folder of a run, of which no other process may have it, and no other run.

    Hydra's own errors would be long tracebacks, and come too late.
    """

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        try:
            _start(config)
        except UserError as error:
            sys.exit(str(error))

    def on_run_end(self, config: DictConfig, **kwargs: Any) -> None:
        lock.release(Path(config.hydra.run.dir))

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        try:
            check_writable(Path(config.hydra.sweep.dir), "hydra.sweep.dir=")
        except UserError as error:
            sys.exit(str(error))


def _start(config: DictConfig) -> None:
    folder, resumes = Path(config.hydra.run.dir), bool(config.get("resume"))
    named = any(o.startswith("hydra.run.dir=") for o in config.hydra.overrides.hydra)
    if resumes and named and lock.first_process():  # Lightning gives further processes both
        raise UserError(
            f"hydra.run.dir= cannot be given with resume={visible(config.resume)}: a run is "
            "resumed in its own folder."
        )
    if resumes and not (folder / KEPT).exists():
        raise UserError(no_run(config.resume))
    if not resumes and not named:
        _check_common()
    if not lock.first_process():
        return
    if not resumes:
        _check_unused(config, folder)
    check_writable(folder)
    if resumes or named:
        folder.mkdir(parents=True, exist_ok=True)
    else:
        folder = lock.new_folder(folder)
        with read_write(config.hydra):
            config.hydra.run.dir = str(folder)
    lock.hold(folder)
    if not resumes:
        _check_unused(config, folder)  # another process may have come and gone since


def _check_unused(config: DictConfig, folder: Path) -> None:
    """Refuses the folder of another run; a test may replace an earlier test, but no training."""
    tests = "ckpt_path" in config
    left = [folder / name for name in ((KEPT,) if tests else LEFT)]
    if not any(file.exists() for file in left) and (tests or not any(folder.glob(CHECKPOINTS))):
        return
    if lock.is_held(folder):
        raise UserError(lock.in_use(folder))
    raise UserError(used_by_training(folder) if tests else _used_by_run(folder))


def used_by_training(folder: Path) -> str:
    """What to say of a test in the folder of a training."""
    return (
        f"{visible(folder)} is a training run's folder, and this test would replace its results: "
        "leave hydra.run.dir= out, or give another folder."
    )


def _used_by_run(folder: Path) -> str:
    return (
        f"{visible(folder)} holds a run already, which stays as it is: give another folder with "
        f"hydra.run.dir=FOLDER, or resume that run with resume={visible(folder)}."
    )


def _check_common() -> None:
    """Processes that torchrun or srun started would each name the folder by their own clock."""
    environment = os.environ
    by_torchrun = environment.get("WORLD_SIZE", "1") if "TORCHELASTIC_RUN_ID" in environment else 1
    started = max(int(by_torchrun), int(environment.get("SLURM_STEP_NUM_TASKS", 1)))
    if started > 1:
        raise UserError(
            f"The {started} processes of this run need one folder: give hydra.run.dir=FOLDER."
        )
