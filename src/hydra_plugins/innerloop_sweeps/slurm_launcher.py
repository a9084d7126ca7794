"""Hydra's submitit launcher, changed: if SLURM ends a job, the other members continue."""

import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn
from omegaconf import DictConfig, open_dict

from innerloop.sweeping import deaths

if TYPE_CHECKING:
    import submitit

POLL = 5  #: seconds between two looks at the queue, and by which a file may be late

with suppress(ImportError):  # the plugin is optional, and so is this launcher
    from hydra_plugins.hydra_submitit_launcher.config import BaseQueueConf
    from hydra_plugins.hydra_submitit_launcher.submitit_launcher import SlurmLauncher

    COMMON = set(BaseQueueConf.__dataclass_fields__)  # submitit prefixes all others with slurm_

    class SlurmMembers(SlurmLauncher):
        """Runs the members as the jobs of one array; submitit requeues jobs at their time limit."""

        def launch(
            self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
        ) -> Sequence[JobReturn]:
            state = Singleton.get_state()
            calls = [
                (list(overrides), "hydra.sweep.dir", number, f"member {number}", state)
                for number, overrides in enumerate(job_overrides, initial_job_idx)
            ]
            jobs = self._executor().map_array(self, *zip(*calls, strict=True))
            print(f"SLURM array {jobs[0].job_id.split('_')[0]}: {len(jobs)} members", flush=True)
            return [
                deaths.wait_for(partial(_result, job), self._member(call[0], call[2]))
                for job, call in zip(jobs, calls, strict=True)
            ]

        def _executor(self) -> "submitit.AutoExecutor":
            import submitit

            named = {k if k in COMMON else f"slurm_{k}": v for k, v in self.params.items()}
            executor = submitit.AutoExecutor(
                named.pop("submitit_folder"),
                cluster="slurm",
                slurm_max_num_timeout=named.pop("slurm_max_num_timeout"),
            )
            executor.update_parameters(**named)
            return executor

        def _member(self, overrides: list[str], number: int) -> DictConfig:
            config: DictConfig = self.hydra_context.config_loader.load_sweep_config(
                self.config, overrides
            )
            with open_dict(config):
                config.hydra.job.num = number
            return config


def _result(job: "submitit.Job[JobReturn]") -> JobReturn:
    """The result of a job, without `sacct`: submitit would wait for ever if accounting is off."""
    file = job.paths.result_pickle
    while not file.exists() and _queued(job.job_id):
        time.sleep(POLL)
    if not file.exists():
        time.sleep(POLL)
    if not file.exists():
        raise RuntimeError(f"SLURM ended the job, see {job.paths.stderr}")
    result: JobReturn = job.results()[0]
    return result


def _queued(job: str) -> bool:
    """Whether a job waits or runs, also between two starts; True if SLURM does not answer."""
    queue = subprocess.run(
        ["squeue", "--me", "--noheader", "--array", "--format=%i"], capture_output=True, text=True
    )
    return queue.returncode != 0 or job in queue.stdout.split()
