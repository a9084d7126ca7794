"""The callbacks of a run."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from innerloop.experiment.values import MOST, Count, Natural, OptionalCount, Target, Text


class Best(Target):
    """The callback that keeps the checkpoint for the test, where the test looks for it."""

    filename: Annotated[Literal["best"], Field(description="best: the test reads best.ckpt")]
    dirpath: Text
    monitor: Annotated[
        None, Field(description="nothing: the data set says what it is judged by")
    ] = None
    mode: Annotated[None, Field(description="nothing: the data set says which way is better")] = (
        None
    )
    enable_version_counter: Annotated[
        Literal[False], Field(description="false: the test reads best.ckpt")
    ] = False
    save_on_train_epoch_end: Annotated[
        Literal[False], Field(description="false: it is kept after a validation")
    ] = False
    save_top_k: Annotated[Literal[1], Field(description="1: the test reads one checkpoint")] = 1


class Periodic(Target):
    """A callback that acts after every `every` outer steps."""

    every: Count = 1


class Last(Periodic):
    """The callback that keeps the checkpoint from which a run resumes."""

    folder: Text
    steps: OptionalCount = None
    minutes: Annotated[
        float | None, Field(description="0 or more, or null", ge=0, le=MOST, allow_inf_nan=False)
    ] = None
    keep: Annotated[int, Field(description="a whole number from 1 to 1000", ge=1, le=1000)] = 1


class Inside(Target):
    """The callback that measures what happens inside the learner."""

    test_tasks: Natural = 0
    validation_tasks: Natural = 0


class Early(Target):
    """The callback that ends a training whose validation no longer improves."""

    patience: OptionalCount = None


class Callbacks(BaseModel):
    """Callbacks of `conf/callbacks/default.yaml`, of which a user may remove some or add others."""

    model_config = ConfigDict(strict=True, extra="allow")
    __pydantic_extra__: dict[str, Target]
    best: Annotated[
        Best, Field(description="the checkpoint that is tested; callbacks=default has it")
    ]
    last: Annotated[
        Last,
        Field(description="the checkpoint that a run is resumed from; callbacks=default has it"),
    ]
    divergence: Periodic = Periodic.model_construct()  # absent, not null, if removed
    early: Early = Early.model_construct()
    progress: Periodic = Periodic.model_construct()
    inside: Inside = Inside.model_construct()
