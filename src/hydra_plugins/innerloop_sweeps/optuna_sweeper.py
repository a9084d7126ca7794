"""A sweeper by Optuna, whose study is resumed, and joined by more workers.

Hydra's plugin holds optuna below 3, whose SQLite does not work with today's SQLAlchemy; every call
of it adds trials of its own number, and trials of a killed worker stay running for ever.
"""

from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from hydra.utils import instantiate
from omegaconf import DictConfig

from innerloop.errors import UserError


class OptunaSweeper(Sweeper):
    """Members that Optuna proposes, to find the best score of validation.

    Arguments:
        trials: of the whole study, whoever runs them.
        at_once: trials that this worker launches together.
        storage: URL of the study's database; name: of the study in it.
        sampler: Optuna's.
        params: the search space by key, in Hydra's grammar (`innerloop.sweeping.spaces`).

    Raises:
        UserError: for no trials.
    """

    def __init__(
        self,
        trials: int,
        at_once: int,
        storage: str,
        name: str,
        sampler: Any,
        params: DictConfig | None = None,
    ) -> None:
        if min(trials, at_once) < 1:
            raise UserError(
                f"hydra.sweeper.trials={trials}, hydra.sweeper.at_once={at_once}: give 1 or more."
            )
        self.trials, self.at_once, self.storage, self.name = trials, at_once, storage, name
        self.sampler, self.params = sampler, {str(k): v for k, v in (params or {}).items()}

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.config = config
        self.parser = OverridesParser.create(config_loader=hydra_context.config_loader)
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> None:
        from innerloop.sweeping.spaces import split  # heavy: Hydra imports every plugin at start
        from innerloop.sweeping.study import Study

        assert self.config is not None and self.launcher is not None
        given = _overrides(self.params)
        space, fixed = split(self.parser.parse_overrides([*given, *arguments]))
        maximize = _maximize(self.config.get("objective"))
        study = Study(
            Path(self.config.hydra.sweep.dir), self.storage, self.name, self.trials, maximize,
            self.sampler,
        )  # fmt: skip
        while taken := study.take(space, self.at_once):
            overrides = [_overrides(fixed | params) for params in taken.values()]
            returned = self.launcher.launch(overrides, initial_job_idx=min(taken))
            for number, result in zip(taken, returned, strict=True):
                study.tell(number, result.return_value)
        _say(study.best())


def _maximize(objective: Any) -> bool:
    """Whether a validation score by this objective is better if higher."""
    metric = None if objective is None else getattr(instantiate(objective), "metric", None)
    better = getattr(metric, "higher_is_better", None)
    if better is None:
        raise UserError("objective has no metric that says higher_is_better, by which Optuna goes.")
    return bool(better)


def _overrides(values: dict[str, Any]) -> list[str]:
    return [f"{key}={value}" for key, value in values.items()]


def _say(best: tuple[int, float, dict[str, Any]] | None) -> None:
    if best is not None:
        number, score, params = best
        print(f"best of validation: trial {number}, {score:.4g}, {' '.join(_overrides(params))}")
