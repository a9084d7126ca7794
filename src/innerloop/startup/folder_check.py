"""Hydra callback that checks, before anything else, that a run has a writable folder of its own.

Imports nothing heavy: it runs before `--help` and shell completion answer.
"""

import os
import sys
from pathlib import Path

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, read_write

from innerloop.errors import UserError, visible
from innerloop.machine import lock
from innerloop.machine.writable import check_writable
from innerloop.startup import run_folder


class FolderCheck(Callback):
    """Locks the folder of a run, so that no other process and no other run uses it.

    Hydra's own errors would be long tracebacks, and would come too late.
    """

    def on_run_start(self, config: DictConfig, **kwargs: object) -> None:
        try:
            _start(config)
        except UserError as error:
            sys.exit(str(error))

    def on_run_end(self, config: DictConfig, **kwargs: object) -> None:
        lock.release(Path(config.hydra.run.dir))

    def on_multirun_start(self, config: DictConfig, **kwargs: object) -> None:
        try:
            check_writable(Path(config.hydra.sweep.dir), "hydra.sweep.dir=")
        except UserError as error:
            sys.exit(str(error))


def _start(config: DictConfig) -> None:
    resumes = bool(config.get("resume"))
    named = any(o.startswith("hydra.run.dir=") for o in config.hydra.overrides.hydra)
    if resumes:
        _check_resumed(config, named)
    elif not named:
        _check_common()
    if not lock.first_process():
        return
    if not resumes:
        run_folder.check_unused(config, Path(config.hydra.run.dir))
    folder = _create(config, resumes or named)
    lock.hold(folder)
    if not resumes:
        run_folder.check_unused(config, folder)  # another process may have run in the meantime


def _check_resumed(config: DictConfig, named: bool) -> None:
    """Refuses `hydra.run.dir=` together with `resume=`, and a folder that does not hold a run.

    Arguments:
        named: whether the command line has `hydra.run.dir=`.
    """
    if named and lock.first_process():  # Lightning gives further processes both
        raise UserError(
            f"hydra.run.dir= cannot be given with resume={visible(config.resume)}: a run is "
            "resumed in its own folder."
        )
    if not (Path(config.hydra.run.dir) / run_folder.KEPT).exists():
        raise UserError(run_folder.not_a_run(config.resume))


def _create(config: DictConfig, chosen: bool) -> Path:
    """Creates the folder of the run.

    Arguments:
        chosen: whether the user chose the folder; otherwise its name is made unique.
    """
    folder = Path(config.hydra.run.dir)
    check_writable(folder)
    if chosen:
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    folder = lock.new_folder(folder)
    with read_write(config.hydra):
        config.hydra.run.dir = str(folder)
    return folder


def _check_common() -> None:
    """Refuses several processes without a folder: each would name one by its own clock."""
    environment = os.environ
    by_torchrun = environment.get("WORLD_SIZE", "1") if "TORCHELASTIC_RUN_ID" in environment else 1
    started = max(int(by_torchrun), int(environment.get("SLURM_STEP_NUM_TASKS", 1)))
    if started > 1:
        raise UserError(
            f"The {started} processes of this run need one folder: give hydra.run.dir=FOLDER."
        )
