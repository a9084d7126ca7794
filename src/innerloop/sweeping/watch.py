"""Hydra's callback around a sweep and its members, for every launcher.

Imports nothing heavy: every program imports it before `--help` answers.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig

from innerloop.errors import UserError
from innerloop.machine import gpus
from innerloop.startup import resolvers
from innerloop.sweeping import members

resolvers.register()  # processes of a launcher import this file, not src/train.py

LOCAL = ("basic", "joblib")  #: launchers that do not assign GPUs themselves
NEEDS = {  #: modules that a choice of launcher or sweeper needs
    "joblib": ("joblib", "hydra_plugins.hydra_joblib_launcher"),
    "ray": ("ray",),
    "slurm": ("submitit", "hydra_plugins.hydra_submitit_launcher"),
    "optuna": ("optuna",),
}


class SweepWatch(Callback):
    """Gives each member a GPU, keeps a sweep running if a member fails, and prints the table."""

    def on_multirun_start(self, config: DictConfig, **kwargs: object) -> None:
        _check_installed(config)
        _check_folder(config)
        _check_parts(config)
        _check_pairing(config)

    def on_job_start(self, config: DictConfig, **kwargs: object) -> None:
        choice = config.hydra.runtime.choices["hydra/launcher"]
        if config.hydra.mode == RunMode.MULTIRUN and choice in LOCAL:
            gpus.take(config.sweep.slots)

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: object) -> None:
        """Turns a failure into a missing score: an error would end the whole sweep."""
        if config.hydra.mode != RunMode.MULTIRUN or job_return.status != JobStatus.FAILED:
            return
        try:
            _ = job_return.return_value  # also names the member's overrides on stderr
        except Exception as error:
            print(f"Error: {members.reason(error)}", file=sys.stderr, flush=True)
        job_return.return_value, job_return.status = None, JobStatus.COMPLETED

    def on_multirun_end(self, config: DictConfig, **kwargs: object) -> None:
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
    """Checks launcher and sweeper before Hydra builds them: its own error would be a traceback."""
    from innerloop.experiment import targets  # heavy: every program imports this file before --help
    from innerloop.experiment.plain import plain_dict

    for name in ("launcher", "sweeper"):
        try:
            targets.check(plain_dict(config.hydra[name]), f"hydra.{name}")
        except UserError as error:  # Hydra turns errors of callbacks into warnings
            sys.exit(str(error))


def _check_pairing(config: DictConfig) -> None:
    """Says before a grid starts which of its members could not be compared in the end."""
    if config.hydra.runtime.choices["hydra/sweeper"] != "basic" or config.estimate:
        return
    from innerloop.sweeping import grid, pairing  # heavy: every program imports this file

    words = list(config.hydra.overrides.task)
    for line in pairing.remarks(grid.members(words, config.hydra.sweeper.params or {})):
        print(line, flush=True)


def _check_folder(config: DictConfig) -> None:
    folder, overrides = config.hydra.sweep.dir, config.hydra.overrides.hydra
    if config.sweep.resume and not any("hydra.sweep.dir=" in override for override in overrides):
        sys.exit("sweep.resume=true resumes a sweep in its own folder: give hydra.sweep.dir=FOLDER")
    if not config.sweep.resume and members.folders(Path(folder)):
        sys.exit(
            f"{folder} holds a sweep already: sweep.resume=true resumes it, another "
            "hydra.sweep.dir=FOLDER starts a new one."
        )
