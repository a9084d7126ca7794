"""What an outer step of a run sees: tasks, or plain batches of labelled examples."""

from typing import NamedTuple

from omegaconf import DictConfig

from innerloop.algorithms.algorithm import Algorithm
from innerloop.data.source import TaskSource
from innerloop.errors import UserError


class Training(NamedTuple):
    """What an outer step sees.

    Arguments:
        size: examples of a plain batch; None where training is episodic.
        classes: that plain batches are labelled with, once they are known.
    """

    kind: str = "episodes"
    size: int | None = None
    classes: int | None = None

    def record(self) -> dict[str, str | int]:
        """What `results.json` says of it."""
        return {name: value for name, value in self._asdict().items() if value is not None}


def build_training(config: DictConfig) -> Training:
    """How the run trains; runs from before there was a choice train on episodes."""
    return Training(**config.get("training", {}))


def with_classes(training: Training, config: DictConfig, source: TaskSource) -> Training:
    """The training, which knows how many classes plain batches are labelled with.

    From the data set, unless the configuration has it already: a checkpoint's has, so that the
    width of its head is known where the data are not at hand.
    """
    if training.size is None or "ways" not in config.objective:
        return training
    return training._replace(classes=training.classes or source.classes_in("train"))


def check_training(training: Training, name: str, algorithm: Algorithm) -> None:
    """Raises `UserError` where an algorithm cannot learn from what the outer steps show it.

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
