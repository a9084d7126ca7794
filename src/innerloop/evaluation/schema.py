"""What `results.json` holds, as everything that reads it may count on.

Strict about the types of what tables read; keys that are not listed, of newer versions or a
user's own, are let through.
"""

import math
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from innerloop import tasks
from innerloop.errors import UserError, visible
from innerloop.evaluation import sizes
from innerloop.evaluation.older import metric_of
from innerloop.objectives import Metric

RESULTS = "results.json"
TESTED_ON = "tested_on"  #: folder in a run's that has one for each other data set of its tests


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


Number = Annotated[float | None, AfterValidator(_finite)]  #: JSON says null for what is no number
Whole = Annotated[int, Field(ge=0, lt=2**63)]
Count = Annotated[int, Field(ge=1, lt=2**63)]
Size = Annotated[int | tasks.Range, PlainValidator(tasks.size)]
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

    @property
    def in_words(self) -> str:
        """Such as `5-20-way 1-10-shot`."""
        return sizes.in_words(self.episode)

    @property
    def episode(self) -> tasks.Episode:
        """The same, as the sampler takes it."""
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
        """Sizes of a training task, where they are known."""
        if self.ways is None or self.shots is None or self.queries is None:
            return None
        return Sizes(**{name: part for name, part in self if name != "test"})


class Protocol(Part):
    """What the test was, see `innerloop.evaluation.protocol`."""

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
    """The training."""

    steps: Whole | None = None
    tasks: Whole | None = None


class Engine(Part):
    """How the tasks were computed."""

    name: str | None = None


class Relabelled(Part):
    """What other names of the classes did to the score."""

    spread: Number = None


class Audit(Part):
    """What the answers depended on."""

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


class Results(Part):
    """A test: who was tested, how, and what was found."""

    algorithm: str
    dataset: str  #: that of the test
    command: str
    seed: Whole
    episode: Episode
    protocol: Protocol
    test: Annotated[dict[str, Entry], Field(min_length=1)]  #: the headline metric first
    recorded: Annotated[Recorded | None, Field(alias="metric")] = None  #: None in older files
    trained_on: str | None = None  #: the data set of the training; None: that of the test
    model: str | None = None
    experiment: str | None = None
    norm: str | None = None
    engine: Engine = Engine()
    outer: Outer = Outer()
    configuration: str | None = None
    checkpoint: Checkpoint = Checkpoint()
    higher_is_better: bool | None = None  #: in older files, of the metric
    audit: Audit | None = None
    seconds: Number = None
    threads: Whole | None = None
    device: str | None = None
    versions: dict[str, str] = {}
    git: str | None = None
    missing: list[str] = []  #: what the run still owes

    @field_validator("recorded")
    @classmethod
    def _was_tested(cls, recorded: Recorded | None, info: ValidationInfo) -> Recorded | None:
        if recorded is not None and recorded.name not in info.data.get("test", [recorded.name]):
            raise ValueError(f"the test has no {visible(recorded.name, 80)}")
        return recorded

    @property
    def training_set(self) -> str:
        """The data set that the learner was trained on."""
        return self.trained_on or self.dataset

    @property
    def tested_on(self) -> str:
        """The data set of the test, and that of the training if it is another, for tables."""
        same = self.training_set == self.dataset
        return self.dataset if same else f"{self.dataset} (trained on {self.training_set})"

    @property
    def metric(self) -> Metric:
        """The headline metric."""
        if self.recorded is None:
            return metric_of(next(iter(self.test)), self.higher_is_better)
        return Metric(**self.recorded.model_dump(include=set(Metric._fields)))

    @property
    def audited(self) -> dict[str, Any] | None:
        """What the audit found, for `stamps.in_words`."""
        if self.audit is None:
            return None
        renamed = self.audit.relabelled
        found = {"tasks": self.audit.tasks, "stamps": self.audit.stamps}
        return found | ({"relabelled": {"spread": renamed.spread}} if renamed else {})

    @property
    def headline(self) -> Entry:
        """The headline's mean and intervals."""
        return self.test[self.metric.name]


def read(content: dict[str, Any] | Results, source: object = RESULTS) -> Results:
    """The results, if they have all that they must.

    Arguments:
        content: what `results.json` holds, or results that were read before.
        source: named by the error.

    Raises:
        UserError: naming the first field that is missing or is something else than it should be.
    """
    try:
        return Results.model_validate(content)
    except ValidationError as error:
        first, *others = error.errors(include_url=False, include_input=False)
        field = visible(".".join(map(str, first["loc"])), 80)
        more = f" ({len(others)} more faults)" if others else ""
        raise UserError(visible(f"{source}: {field}: {first['msg'].lower()}{more}")) from None
