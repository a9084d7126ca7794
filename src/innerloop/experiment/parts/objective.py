"""The objective of a run."""

from hydra.utils import instantiate
from omegaconf import DictConfig

from innerloop.errors import UserError
from innerloop.experiment.parts.data import Episodes
from innerloop.objectives import Metric, Objective


def build_objective(
    config: DictConfig, episodes: Episodes, classes: int | None = None
) -> Objective:
    """The objective; it fits the sizes of the tasks.

    Arguments:
        classes: number of classes in plain batches; None if training is episodic.

    Raises:
        UserError: if it does not fit, or does not describe itself.
    """
    given = {} if classes is None else {"ways": classes}
    objective: Objective = instantiate(config.objective, **given)
    _check_described(objective, config.objective._target_)
    _check_classes(objective.classes(True), "episode", classes or episodes.train.most_ways)
    _check_classes(objective.classes(False), "episode.test", episodes.test.most_ways)
    return objective


def _check_classes(classes: int | None, key: str, ways: int) -> None:
    if classes not in (None, ways):
        raise UserError(
            f"objective is for tasks of {classes} classes, and {key}.ways={ways}: leave its ways= "
            "and test_ways= out, which follow episode."
        )


def _check_described(objective: Objective, target: str) -> None:
    """Raises `UserError` for what is not an objective, or does not describe itself."""
    if not isinstance(getattr(objective, "metric", None), Metric):
        raise UserError(
            f"objective._target_={target} has no metric that is an innerloop.objectives.Metric: "
            "choose innerloop.objectives.Classification or Regression, or a class with the same "
            'methods and a line such as metric = Metric("mae", higher_is_better=False).'
        )
    needed = ("answers", "loss_unit", "width")
    if missing := [key for key in needed if not hasattr(objective, key)]:
        raise UserError(
            f"objective._target_={target} does not say {', '.join(missing)}: let it inherit from "
            "innerloop.objectives.Objective, or say it as there."
        )
    if objective.answers == "classes" and objective.classes(False) is None:
        raise UserError(
            f"objective._target_={target} says that answers are classes, but classes() gives no "
            "number of them: return it there, or say answers = None."
        )
