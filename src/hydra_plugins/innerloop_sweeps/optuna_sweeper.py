"""A sweeper by Optuna. Its study can be resumed, and several workers can share it.

Hydra's own plugin needs optuna below 3, and the SQLite storage of these versions fails with current
SQLAlchemy. Each call of that plugin adds its own number of trials, and trials of a killed worker
stay unfinished.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from hydra.utils import instantiate
from omegaconf import DictConfig

from innerloop.errors import UserError

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


class OptunaSweeper(Sweeper):
    """Runs members that Optuna proposes, to find the best validation score.

    Arguments:
        trials: their number in the whole study, for all workers together.
        at_once: how many trials this worker launches together.
        storage: URL of the database.
        name: of the study in the database.
        sampler: proposes parameters.
        params: the search space by key, in Hydra's grammar (`innerloop.sweeping.spaces`).

    Raises:
        UserError: for fewer than one trial.
    """

    def __init__(
        self,
        trials: int,
        at_once: int,
        storage: str,
        name: str,
        sampler: "BaseSampler",
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
            folder=Path(self.config.hydra.sweep.dir),
            storage=self.storage,
            name=self.name,
            trials=self.trials,
            maximize=maximize,
            sampler=self.sampler,
        )
        while taken := study.take(space, self.at_once):
            overrides = [_overrides(fixed | params) for params in taken.values()]
            returned = self.launcher.launch(overrides, initial_job_idx=min(taken))
            for number, result in zip(taken, returned, strict=True):
                study.tell(number, result.return_value)
        _print_best(study.best())


def _maximize(objective: DictConfig | None) -> bool:
    """Whether a higher validation score is better for this objective."""
    metric = None if objective is None else getattr(instantiate(objective), "metric", None)
    better = getattr(metric, "higher_is_better", None)
    if better is None:
        raise UserError("objective has no metric with higher_is_better, which Optuna needs.")
    return bool(better)


def _overrides(values: Mapping[str, object]) -> list[str]:
    return [f"{key}={value}" for key, value in values.items()]


def _print_best(best: tuple[int, float, Mapping[str, object]] | None) -> None:
    if best is not None:
        number, score, params = best
        print(f"best of validation: trial {number}, {score:.4g}, {' '.join(_overrides(params))}")
