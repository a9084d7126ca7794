"""Hydra callback around a sweep and its members, whatever launches them.

Imports nothing heavy: every program imports it before `--help` answers.
"""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from innerloop.errors import UserError
from innerloop.machine import gpus
from innerloop.startup import resolvers
from innerloop.sweeping import members

resolvers.register()  # for processes that a launcher starts: they unpickle this, not src/train.py

HERE = ("basic", "joblib")  #: launchers that leave the GPUs to this program
NEEDS = {  #: modules without which a choice of launcher or sweeper does not work
    "joblib": ("joblib", "hydra_plugins.hydra_joblib_launcher"),
    "ray": ("ray",),
    "slurm": ("submitit", "hydra_plugins.hydra_submitit_launcher"),
    "optuna": ("optuna",),
}


class SweepWatch(Callback):
    """A GPU for each member, an end of one that is not the end of all, and the closing table."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        _check_installed(config)
        _check_folder(config)
        _check_parts(config)

    def on_job_start(self, config: DictConfig, **kwargs: Any) -> None:
        choice = config.hydra.runtime.choices["hydra/launcher"]
        if config.hydra.mode == RunMode.MULTIRUN and choice in HERE:
            gpus.take(config.sweep.slots)

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        """Turns a failure into no score, or the sweeper would end with it."""
        if config.hydra.mode != RunMode.MULTIRUN or job_return.status != JobStatus.FAILED:
            return
        try:
            _ = job_return.return_value  # also names the member's overrides on stderr
        except Exception as error:
            print(f"Error: {members.reason(error)}", file=sys.stderr, flush=True)
        job_return.return_value, job_return.status = None, JobStatus.COMPLETED

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        from innerloop.reporting.terminal import terminal  # heavy: --help does without it
        from innerloop.sweeping.closing import close

        problem = close(Path(config.hydra.sweep.dir), terminal())
        if problem:
            sys.exit(problem)


def _check_installed(config: DictConfig) -> None:
    for group in ("hydra/launcher", "hydra/sweeper"):
        choice = config.hydra.runtime.choices[group]
        missing = [name for name in NEEDS.get(choice, ()) if find_spec(name) is None]
        if missing:
            sys.exit(
                f"{group}={choice} needs {' and '.join(missing)}, which is not installed: "
                "uv pip install -e '.[sweeps]'"
            )


def _check_parts(config: DictConfig) -> None:
    """The launcher and the sweeper, before Hydra makes them: its own error would be a traceback."""
    from innerloop.run import targets  # every program imports this file before --help answers

    for name in ("launcher", "sweeper"):
        part: Any = OmegaConf.to_container(config.hydra[name], resolve=True)
        try:
            targets.check(part, f"hydra.{name}")
        except UserError as error:  # Hydra makes a warning of what its callbacks raise
            sys.exit(str(error))


def _check_folder(config: DictConfig) -> None:
    folder, told = config.hydra.sweep.dir, config.hydra.overrides.hydra
    if config.sweep.resume and not any("hydra.sweep.dir=" in override for override in told):
        sys.exit("sweep.resume=true goes on in the sweep's own folder: give hydra.sweep.dir=FOLDER")
    if not config.sweep.resume and members.folders(Path(folder)):
        sys.exit(
            f"{folder} holds a sweep already: sweep.resume=true goes on with it, another "
            "hydra.sweep.dir=FOLDER begins a new one."
        )
