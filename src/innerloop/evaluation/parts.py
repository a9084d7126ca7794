"""The parts of `results.json`: sizes of tasks, the protocol, metrics, how a learner was trained.

The types that tables read are strict. Keys that are not listed, of newer versions or of a user, are
allowed.
"""

import math
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator

from innerloop import tasks
from innerloop.evaluation import sizes


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


Number = Annotated[
    float | None, AfterValidator(_finite)
]  #: null in JSON stands for NaN and infinity
Whole = Annotated[int, Field(ge=0, lt=2**63)]
Count = Annotated[int, Field(ge=1, lt=2**63)]
Size = Annotated[
    int | tasks.Range, PlainValidator(tasks.size), PlainSerializer(lambda size: size)
]  #: written as a number or a list of two
Text = Annotated[str, Field(min_length=1)]


class Part(BaseModel):
    """A part of the results."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True, protected_namespaces=())


class Entry(Part):
    """A metric: `mean` plus or minus `ci95`."""

    mean: Number
    ci95: Number
    ci95_classes: Number = None
    tasks: Count | None = None
    median: Number = None
    diverged: Whole = 0


class Sizes(Part):
    """Sizes of a task."""

    ways: Size
    shots: Size
    queries: Size
    balance: str = "equal"
    alpha: float = 1.0
    query_balance: str = "equal"
    largest_support: Count = 500
    drawn_from: str = "split"
    replacement: bool = True

    @property
    def in_words(self) -> str:
        """The sizes as people read them, such as `5-20-way 1-10-shot`."""
        return sizes.in_words(self.episode)

    @property
    def episode(self) -> tasks.Episode:
        """The sizes as the sampler takes them."""
        return tasks.Episode.of(dict(self))


class Episode(Part):
    """Sizes of a training task, and of a test task."""

    ways: Size | None = None
    shots: Size | None = None
    queries: Size | None = None
    balance: str = "equal"
    alpha: float = 1.0
    test: Sizes

    @property
    def training(self) -> Sizes | None:
        """Sizes of a training task; None if they are not known."""
        if self.ways is None or self.shots is None or self.queries is None:
            return None
        return Sizes(**{name: part for name, part in self if name != "test"})


class Protocol(Part):
    """The test protocol, see `innerloop.evaluation.protocol`."""

    hash: str
    tasks: Count
    scored_step: Whole | None
    split: str = "test"
    seed: Whole | None = None
    selected_by: str | None = None


class Checkpoint(Part):
    """Which checkpoint was tested, and what it scored in validation."""

    step: Whole | None = None
    validation: dict[str, Number] = {}


class Outer(Part):
    """The outer loop: its steps, and the tasks of each step."""

    steps: Whole | None = None
    tasks: Whole | None = None


class Training(Part):
    """The kind of training: episodes, as in all older files, or plain batches."""

    kind: str = "episodes"
    size: Count | None = None
    classes: Count | None = None


class Origin(Part):
    """The run whose body the training started from, or whose answers it learned from."""

    algorithm: str | None = None
    dataset: str | None = None


class Encoder(Part):
    """The frozen network that made features of the images."""

    name: Text
    pretrained_on: str = "unknown"
    test_classes: Whole | None = None
    seen_classes: list[str] | None = None  #: test classes of its pre-training; None: not known

    @property
    def seen_in_words(self) -> str:
        """How many test classes were seen in pre-training, such as `at least 8 of 20`."""
        if self.seen_classes is None:
            return "not known"
        seen, of = len(self.seen_classes), self.test_classes
        return f"all {of}" if seen == of else f"at least {seen} of {of}"


class Engine(Part):
    """The engine that computed the tasks."""

    name: str | None = None


class Relabelled(Part):
    """The effect of other names for the classes on the score."""

    spread: Number = None


class Audit(Part):
    """The audit: what the answers depend on."""

    tasks: Whole
    stamps: list[str]
    relabelled: Relabelled | None = None


class Recorded(Part):
    """The headline metric, see `innerloop.objectives.Metric`."""

    name: Text
    unit: Annotated[str, Field(max_length=20)] = ""
    scale: Annotated[float, Field(gt=0, le=1e9)] = 1.0
    log: bool = False
    higher_is_better: bool = True
    label: str = ""
