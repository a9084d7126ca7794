"""Hydra's Ray launcher, in which a member whose process dies does not end the others."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, configure_log, setup_globals
from omegaconf import open_dict

from innerloop.errors import UserError
from innerloop.sweeping import deaths

with suppress(ImportError):  # the plugin is an extra; without it this launcher is unknown
    from hydra_plugins.hydra_ray_launcher.ray_launcher import RayLauncher

    class RayMembers(RayLauncher):
        """One member a task, each in a process of its own, which Ray gives its GPUs."""

        def launch(
            self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
        ) -> Sequence[JobReturn]:
            import ray
            from hydra_plugins.hydra_ray_launcher import _launcher_util as plugin

            setup_globals()
            configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
            plugin.start_ray(self.ray_cfg.init)
            _check_gpus(self.ray_cfg.remote.get("num_gpus", 0), ray.cluster_resources())
            configs = [
                self._config(initial_job_idx + i, list(overrides))
                for i, overrides in enumerate(job_overrides)
            ]
            tasks = [
                plugin.launch_job_on_ray(
                    self.hydra_context, self.ray_cfg.remote, config, self.task_function,
                    Singleton.get_state(),
                )
                for config in configs
            ]  # fmt: skip
            return [
                deaths.survived(lambda t=task: ray.get(t), config)
                for task, config in zip(tasks, configs, strict=True)
            ]

        def _config(self, number: int, overrides: list[str]) -> Any:
            config = self.hydra_context.config_loader.load_sweep_config(self.config, overrides)
            with open_dict(config):
                config.hydra.job.id = config.hydra.job.num = number
            return config


def _check_gpus(wanted: float, there: dict[str, float]) -> None:
    """Ray itself would wait for them for ever."""
    if wanted > there.get("GPU", 0):
        raise UserError(
            f"Ray has {there.get('GPU', 0):g} GPUs and a member takes {wanted:g}: "
            "hydra.launcher.ray.remote.num_gpus=0 runs members without."
        )
