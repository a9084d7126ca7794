"""The inner loop, the outer loop, and the kind of training."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from innerloop.experiment.values import MOST, Count, Natural, OptionalCount, Section, Target

OPTIMIZER = "an optimizer, such as {_target_: torch.optim.SGD, _partial_: true, lr: 0.1}"
SCHEDULER = (
    "null, or a schedule such as {_target_: torch.optim.lr_scheduler.CosineAnnealingLR, "
    "_partial_: true, T_max: 1000}"
)


class Inner(Section):
    """The inner loop."""

    steps: Annotated[int, Field(description="a number of inner steps, 0 or more", ge=0, le=MOST)]
    rate: Annotated[
        float,
        Field(description="a rate above zero, such as 0.01", gt=0, allow_inf_nan=False),
    ]


class Optimizer(Target):
    """The optimizer of the outer loop."""

    lr: Annotated[
        float,
        Field(description="a rate, 0 or more, such as 0.001", ge=0, allow_inf_nan=False),
    ] = 0.0


class Outer(Section):
    """The outer loop."""

    steps: Natural
    tasks: Count
    batches: OptionalCount = None
    optimizer: Annotated[Optimizer, Field(description=OPTIMIZER)]
    scheduler: Annotated[Target | None, Field(description=SCHEDULER)]
    clip: Annotated[
        float | None,
        Field(
            description="a number above zero, or null for no limit",
            gt=0,
            allow_inf_nan=False,
        ),
    ]
    nonfinite: Annotated[Literal["stop", "skip"], Field(description="stop or skip")] = "stop"


class Training(Section):
    """The kind of training, see `conf/training`."""

    kind: Annotated[
        Literal["episodes", "batches"],
        Field(description="a choice: training=episodes or batches"),
    ] = "episodes"
    size: OptionalCount = None
    classes: OptionalCount = None

    @model_validator(mode="after")
    def _fits_together(self) -> "Training":
        if (self.kind == "batches") != (self.size is not None):
            raise ValueError(
                f"training.kind={self.kind} with training.size={self.size}: choose "
                "training=batches, which has a size, or training=episodes, which has none."
            )
        return self
