"""The content of `results.json`, checked when it is read."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, ValidationError, ValidationInfo, field_validator

from innerloop.errors import UserError, visible
from innerloop.evaluation.baseline import Baseline, Trial
from innerloop.evaluation.older import metric_of
from innerloop.evaluation.parts import (
    Audit,
    Checkpoint,
    Encoder,
    Engine,
    Entry,
    Episode,
    Number,
    Origin,
    Outer,
    Part,
    Protocol,
    Recorded,
    Training,
    Whole,
)
from innerloop.evaluation.stamps import Stamped
from innerloop.objectives import Metric

RESULTS = "results.json"
TESTED_ON = "tested_on"  #: folder of a run with a subfolder for each other data set of its tests


class Results(Part):
    """A test: the learner, its training, the test protocol, and the metrics."""

    algorithm: str
    dataset: str  #: the data set of the test
    command: str
    seed: Whole
    episode: Episode
    protocol: Protocol
    test: Annotated[dict[str, Entry], Field(min_length=1)]  #: the headline metric first
    recorded: Annotated[Recorded | None, Field(alias="metric")] = None  #: None in older files
    trained_on: str | None = None  #: the data set of the training; None: the test's
    model: str | None = None
    experiment: str | None = None
    norm: str | None = None
    encoder: Encoder | None = None  #: None where learners see the images themselves
    engine: Engine = Engine()
    outer: Outer = Outer()
    training: Training = Training()
    init_from: Origin | None = None
    distil_from: Origin | None = None
    configuration: str | None = None
    checkpoint: Checkpoint = Checkpoint()
    higher_is_better: bool | None = None  #: only in older files
    baselines: list[Baseline] = []
    trials: list[Trial] = []  #: what happened when answers were acted on
    audit: Audit | None = None
    seconds: Number = None
    threads: Whole | None = None
    device: str | None = None
    versions: dict[str, str] = {}
    git: str | None = None
    missing: list[str] = []  #: what is still missing from the run

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
        """The data set of the test, with that of the training if they differ, for tables."""
        same = self.training_set == self.dataset
        return self.dataset if same else f"{self.dataset} (trained on {self.training_set})"

    @property
    def metric(self) -> Metric:
        """The headline metric."""
        if self.recorded is None:
            return metric_of(next(iter(self.test)), self.higher_is_better)
        return Metric(**self.recorded.model_dump(include=set(Metric._fields)))

    @property
    def training_in_words(self) -> str:
        """What the learner saw, and its training; empty for episodes of images from scratch."""
        parts = [] if self.encoder is None else [f"on features of {self.encoder.name}"]
        if self.training.kind != "episodes" and self.outer.steps != 0:
            parts.append(f"trained on {self.training.kind}")
        if self.init_from is not None:
            parts.append(f"from the body of {self.init_from.algorithm} on {self.init_from.dataset}")
        if self.distil_from is not None:
            parts.append(f"taught by {self.distil_from.algorithm} on {self.distil_from.dataset}")
        return ", ".join(parts)

    @property
    def audited(self) -> Stamped | None:
        """The audit as `stamps.in_words` takes it."""
        if self.audit is None:
            return None
        stamped: Stamped = {"tasks": self.audit.tasks, "stamps": self.audit.stamps}
        if self.audit.relabelled is not None:
            stamped["relabelled"] = {"spread": self.audit.relabelled.spread}
        return stamped

    @property
    def headline(self) -> Entry:
        """The mean and intervals of the headline metric."""
        return self.test[self.metric.name]


def read(content: Mapping[str, object] | Results, source: object = RESULTS) -> Results:
    """The results, checked for completeness.

    Arguments:
        content: the content of `results.json`, or results that are already checked.
        source: the name that the error shows.

    Raises:
        UserError: names the first field that is missing or wrong.
    """
    try:
        return Results.model_validate(content)
    except ValidationError as error:
        first, *others = error.errors(include_url=False, include_input=False)
        field = visible(".".join(map(str, first["loc"])), 80)
        more = f" ({len(others)} more faults)" if others else ""
        raise UserError(visible(f"{source}: {field}: {first['msg'].lower()}{more}")) from None
