"""A Ray launcher in which a member whose process dies does not end the others.

Hydra's plugin waits for all and fails with the first; it also holds cloudpickle below 3.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, configure_log, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

from innerloop.errors import UserError
from innerloop.sweeping import deaths


class RayLauncher(Launcher):
    """One member a task, each in a process of its own, to which Ray gives its GPUs.

    Arguments:
        ray: `init` and `remote`, the keywords of `ray.init` and `ray.remote`.
    """

    def __init__(self, ray: DictConfig) -> None:
        self.init: Any = OmegaConf.to_container(ray.init, resolve=True)
        self.remote: Any = OmegaConf.to_container(ray.remote, resolve=True)

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.hydra_context, self.task_function = hydra_context, task_function
        self.config = config

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        import ray

        setup_globals()
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        if not ray.is_initialized():
            ray.init(**self.init)
        _check_gpus(self.remote.get("num_gpus") or 0, ray.cluster_resources())
        configs = [
            self._config(list(overrides), number)
            for number, overrides in enumerate(job_overrides, initial_job_idx)
        ]
        run = ray.remote(**self.remote)(_run)
        given = (self.hydra_context, self.task_function, Singleton.get_state())
        tasks = [run.remote(config, *given) for config in configs]
        return [
            deaths.survived(partial(ray.get, task), config)
            for task, config in zip(tasks, configs, strict=True)
        ]

    def _config(self, overrides: list[str], number: int) -> DictConfig:
        config = self.hydra_context.config_loader.load_sweep_config(self.config, overrides)
        with open_dict(config):
            config.hydra.job.id = config.hydra.job.num = number
        return config


def _run(
    config: DictConfig, context: HydraContext, task: TaskFunction, state: dict[Any, Any]
) -> JobReturn:
    """A member, in Ray's process."""
    Singleton.set_state(state)
    setup_globals()
    HydraConfig.instance().set_config(config)
    return run_job(task, config, "hydra.sweep.dir", "hydra.sweep.subdir", context)


def _check_gpus(wanted: float, there: dict[str, float]) -> None:
    """Ray itself would wait for them for ever."""
    if wanted > there.get("GPU", 0):
        raise UserError(
            f"Ray has {there.get('GPU', 0):g} GPUs and a member takes {wanted:g}: "
            "hydra.launcher.ray.remote.num_gpus=0 runs members without."
        )
