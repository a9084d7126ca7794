"""The schema of a whole configuration: every key, its type and its range.

A new key of `conf/` is one line here or in `sections`, with a default if stored configurations of
older runs lack it. A field's description completes the sentence "KEY=VALUE: give ...": this is all
that a user sees of a value that does not fit.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from innerloop.experiment.sections.callbacks import Callbacks
from innerloop.experiment.sections.episode import Episode, Evaluation
from innerloop.experiment.sections.outer import Inner, Outer, Training
from innerloop.experiment.sections.trainer import Engine, Trainer
from innerloop.experiment.values import (
    Count,
    Flag,
    Natural,
    OptionalText,
    Positive,
    Processes,
    Section,
    Seed,
    Target,
    Text,
)

OBJECTIVE = (
    "what learners are judged by: objective=classification or regression, or a part such as "
    "{_target_: innerloop.objectives.Classification, ways: 5, test_ways: 5}"
)


class Sweep(Section):
    """Keys of a sweep and its members."""

    resume: Flag
    slots: Count


class Diagnostics(Section):
    """How many tasks are measured from inside."""

    test_tasks: Natural
    validation_tasks: Natural


class Paths(Section):
    """Folders."""

    root: Text
    outputs: Text
    data: Text
    run: Text


class Names(Section):
    """Names of the choices, and the command; the program fills them in."""

    algorithm: OptionalText
    dataset: OptionalText
    model: OptionalText
    experiment: OptionalText
    command: OptionalText


class DataSet(Target):
    """The data set and the shape of its inputs."""

    input_shape: Annotated[
        Annotated[list[Count], Field(min_length=1)] | dict[str, list[Count]],
        Field(description="the shape of one input, such as [1, 28, 28]"),
    ]
    objective: Annotated[
        None, Field(description=f"nothing, and to the key objective {OBJECTIVE}")
    ] = None


class Encoder(Target):
    """The frozen network that makes features of images."""

    width: Count


class Configuration(Section):
    """All keys of `conf/train.yaml` and its groups, after interpolation."""

    seed: Seed
    tags: Annotated[list[Text], Field(description="a list of words, such as [first, try]")]
    published: OptionalText
    deviates: OptionalText = None
    resume: OptionalText
    init_from: OptionalText = None
    distil_from: OptionalText = None
    estimate: Flag = False
    trust: Flag = False
    sweep: Sweep = Sweep(resume=False, slots=1)
    inner: Inner
    outer: Outer
    training: Training = Training()
    episode: Episode
    evaluation: Evaluation
    diagnostics: Diagnostics = Diagnostics(test_tasks=0, validation_tasks=0)
    norm: Annotated[
        Literal["transductive", "support", "running", "per_step"],
        Field(description="transductive, support, running or per_step"),
    ]
    log_every: Count
    workers: Processes
    patience: Positive = 300.0
    threads: Annotated[
        int | None, Field(description="a whole number from 1 to 1024, or null", ge=1, le=1024)
    ]
    names: Names
    paths: Paths
    trainer: Trainer
    engine: Engine
    callbacks: Callbacks
    logger: Annotated[dict[str, Target], Field(description="loggers by name; logger=none for none")]
    model: Target
    dataset: DataSet
    encoder: Annotated[
        Encoder | None, Field(description="a choice: encoder=efficientnet_lite0 or timm, or null")
    ] = None
    augment: Annotated[Target | None, Field(description="a choice: augment=standard, or null")] = (
        None
    )
    objective: Annotated[Target, Field(description=OBJECTIVE)]
    algorithm: Target

    @model_validator(mode="after")
    def _fits_together(self) -> "Configuration":
        place = f"{self.paths.run}/checkpoints"
        for name, folder in (
            ("best.dirpath", self.callbacks.best.dirpath),
            ("last.folder", self.callbacks.last.folder),
        ):
            if folder != place:
                raise ValueError(
                    f"callbacks.{name}={folder}: a run's checkpoints lie in its own folder, "
                    f"{place}. Choose the folder with hydra.run.dir=."
                )
        if self.estimate and self.resume is not None:
            raise ValueError("estimate=true is about a new run: leave resume= out.")
        return self
