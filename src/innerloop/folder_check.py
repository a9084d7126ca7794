"""Hydra callback: an output folder that cannot be written is a user's mistake, said in a line."""

import os
import sys
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

KEPT = "composed.yaml"  #: the file by which a run's folder is known


def no_run(folder: Any) -> str:
    """What to say of a folder that is not a run's."""
    return (
        f"resume={folder} is not the folder of a run: it has no {KEPT}. "
        "Give the folder that the run printed, such as outputs/DATE/TIME_NAME."
    )


class FolderCheck(Callback):
    """Tries the output folder before Hydra does, whose error would be a long traceback."""

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        named = any(o.startswith("hydra.run.dir=") for o in config.hydra.overrides.hydra)
        if config.get("resume") and named:
            sys.exit(
                f"hydra.run.dir= cannot be given with resume={config.resume}: a run is resumed in "
                "its own folder."
            )
        if config.get("resume") and not (Path(config.hydra.run.dir) / KEPT).exists():
            sys.exit(no_run(config.resume))
        if not config.get("resume"):
            _check_common(config)
        self._try(config.hydra.run.dir, config)

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        self._try(config.hydra.sweep.dir, config)

    def _try(self, folder: str, config: DictConfig) -> None:
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
            probe = Path(folder) / f".writable-{os.getpid()}"
            probe.write_bytes(b"\0" * 4096)
            probe.unlink()
        except OSError as error:
            sys.exit(
                f"The output folder {folder} cannot be written: {error.strerror}. "
                "Choose another with hydra.run.dir=FOLDER (or paths.outputs=FOLDER)."
            )


def _check_common(config: DictConfig) -> None:
    """Processes that torchrun or srun started would each name the folder by their own clock."""
    environment = os.environ
    by_torchrun = environment.get("WORLD_SIZE", "1") if "TORCHELASTIC_RUN_ID" in environment else 1
    started = max(int(by_torchrun), int(environment.get("SLURM_STEP_NUM_TASKS", 1)))
    named = any(o.startswith("hydra.run.dir=") for o in config.hydra.overrides.hydra)
    if started > 1 and not named:
        sys.exit(f"The {started} processes of this run need one folder: give hydra.run.dir=FOLDER.")
