"""The kind of training of a run: on tasks, or on plain batches of labelled examples."""

from typing import NamedTuple

from omegaconf import DictConfig

from innerloop.algorithms.algorithm import Algorithm
from innerloop.data.source import TaskSource
from innerloop.errors import UserError


class Training(NamedTuple):
    """The kind of training.

    Arguments:
        kind: `episodes` or `batches`.
        size: examples of a plain batch; None if training is episodic.
        classes: number of classes in plain batches; None if training is episodic, or until known.
    """

    kind: str = "episodes"
    size: int | None = None
    classes: int | None = None

    def record(self) -> dict[str, str | int]:
        """The entry of `results.json`."""
        return {name: value for name, value in self._asdict().items() if value is not None}


def build_training(config: DictConfig) -> Training:
    """The training that a configuration describes; older configurations train on episodes."""
    return Training(**config.get("training", {}))


def with_classes(training: Training, config: DictConfig, source: TaskSource) -> Training:
    """The training with its number of classes, which comes from the data set.

    The configuration of a checkpoint has it already, so that the width of its head is known even
    without the data.
    """
    if training.size is None or "ways" not in config.objective:
        return training
    return training._replace(classes=training.classes or source.classes_in("train"))


def check_training(training: Training, name: str, algorithm: Algorithm) -> None:
    """Raises `UserError` if an algorithm cannot learn from this kind of training.

    Arguments:
        name: of the algorithm, as the user typed it.
    """
    if training.kind == "batches" and not algorithm.trains_on_batches:
        raise UserError(
            f"training=batches has nothing to adapt to, and algorithm={name} learns from adapting: "
            "use training=episodes, or algorithm=baseline."
        )
    if training.kind == "episodes" and algorithm.trains_on_batches:
        raise UserError(
            f"training=episodes numbers the classes of every task anew, and algorithm={name} learns"
            " one classifier of all classes: use training=batches."
        )
