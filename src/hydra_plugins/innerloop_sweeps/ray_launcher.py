"""A launcher by Ray. If the process of a member dies, the other members continue.

Hydra's own plugin fails with the first member that fails; it also needs cloudpickle below 3.
"""

from collections.abc import Sequence
from functools import partial

from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, configure_log, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

from innerloop.errors import UserError
from innerloop.experiment.plain import plain_dict
from innerloop.sweeping import deaths


class RayLauncher(Launcher):
    """Runs each member in a process of its own; Ray assigns the GPUs.

    Arguments:
        ray: has `init` and `remote`, keywords of `ray.init` and `ray.remote`.
    """

    def __init__(self, ray: DictConfig) -> None:
        self.init, self.remote = plain_dict(ray.init), plain_dict(ray.remote)

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
            deaths.wait_for(partial(ray.get, task), config)
            for task, config in zip(tasks, configs, strict=True)
        ]

    def _config(self, overrides: list[str], number: int) -> DictConfig:
        config = self.hydra_context.config_loader.load_sweep_config(self.config, overrides)
        with open_dict(config):
            config.hydra.job.id = config.hydra.job.num = number
        return config


def _run(
    config: DictConfig, context: HydraContext, task: TaskFunction, state: dict[type, Singleton]
) -> JobReturn:
    """Runs a member in a process of Ray."""
    Singleton.set_state(state)
    setup_globals()
    HydraConfig.instance().set_config(config)
    return run_job(
        task_function=task,
        config=config,
        job_dir_key="hydra.sweep.dir",
        job_subdir_key="hydra.sweep.subdir",
        hydra_context=context,
    )


def _check_gpus(wanted: float, resources: dict[str, float]) -> None:
    """Raises `UserError` if Ray has too few GPUs: Ray itself would wait for ever."""
    available = resources.get("GPU", 0)
    if wanted > available:
        raise UserError(
            f"Ray has {available:g} GPUs and a member takes {wanted:g}: "
            "hydra.launcher.ray.remote.num_gpus=0 runs members without a GPU."
        )
