"""The schema of a whole configuration: every key, its type and its range.

A new key of `conf/` is one line here, with a default if there are runs without it. A field's
description completes the sentence "KEY=VALUE: give ...", which is all that a user sees of a value
that does not fit.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from innerloop.run.values import (
    MOST,
    Count,
    Flag,
    Natural,
    OptionalCount,
    OptionalFlag,
    OptionalText,
    Positive,
    Processes,
    Section,
    Seed,
    Size,
    Target,
    Text,
)  # fmt: skip

OPTIMIZER = "an optimizer, such as {_target_: torch.optim.SGD, _partial_: true, lr: 0.1}"
SCHEDULER = (
    "null, or a schedule such as {_target_: torch.optim.lr_scheduler.CosineAnnealingLR, "
    "_partial_: true, T_max: 1000}"
)
OBJECTIVE = (
    "what learners are judged by: objective=classification or regression, or a part such as "
    "{_target_: innerloop.objectives.Classification, ways: 5, test_ways: 5}"
)
STRATEGY = (
    "auto or ddp, or the {_target_: ...} of a strategy. The results of processes that are forked "
    "or spawned would be lost, so use ddp for several devices"
)
PRECISION = (
    "32-true, bf16-mixed or 64-true. Meta-gradients do not pass through the scaling of losses that "
    "16-mixed needs, so use bf16-mixed for speed"
)


class Sweep(Section):
    resume: Flag
    slots: Count


class Inner(Section):
    steps: Annotated[int, Field(description="a number of inner steps, 0 or more", ge=0, le=MOST)]
    rate: Annotated[
        float,
        Field(description="a rate above zero, such as 0.01", gt=0, allow_inf_nan=False),
    ]


class Optimizer(Target):
    lr: Annotated[
        float,
        Field(description="a rate, 0 or more, such as 0.001", ge=0, allow_inf_nan=False),
    ] = 0.0


class Outer(Section):
    steps: Count
    tasks: Count
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


class TestEpisode(Section):
    ways: Size
    shots: Size
    queries: Size
    balance: Annotated[
        Literal["equal", "uniform", "dirichlet"],
        Field(description="equal, uniform or dirichlet"),
    ] = "equal"
    alpha: Annotated[float, Field(description="a number from 0.05 to 1000", ge=0.05, le=1000)] = 1.0


class Episode(TestEpisode):
    test: TestEpisode

    @model_validator(mode="after")
    def _shots_can_be_unequal(self) -> Self:
        for key, part in (("episode", self), ("episode.test", self.test)):
            equal = {"uniform": isinstance(part.shots, int), "dirichlet": part.shots == 1}
            if equal.get(part.balance, False):
                raise ValueError(
                    f"{key}.balance={part.balance} with {key}.shots={part.shots} gives all classes "
                    f"the same number: give a range such as {key}.shots=[1,10], or leave "
                    f"{key}.balance=equal."
                )
        return self


class Validation(Section):
    tasks: Count
    every: Count


class Evaluation(Section):
    tasks: Count
    scored_step: Natural
    curve: Natural
    seed: Seed
    batch: Count
    on: Annotated[
        list[Text], Field(description="a list of data sets, such as [omniglot, glyphs]")
    ] = []
    audit: Annotated[int, Field(description="a number of tasks, or 0 for none", ge=0, le=MOST)] = 50
    validation: Validation


class Diagnostics(Section):
    test_tasks: Natural
    validation_tasks: Natural


class Paths(Section):
    root: Text
    outputs: Text
    data: Text
    run: Text


class Names(Section):
    algorithm: OptionalText
    dataset: OptionalText
    model: OptionalText
    experiment: OptionalText
    command: OptionalText


class Engine(Section):
    name: Annotated[
        Literal["auto", "vmap", "loop", "learn2learn"],
        Field(description="a choice: engine=auto, vmap, loop or learn2learn"),
    ]
    chunk: OptionalCount
    compile: OptionalFlag
    checkpoint: Flag = False


class DataSet(Target):
    input_shape: Annotated[
        Annotated[list[Count], Field(min_length=1)] | dict[str, list[Count]],
        Field(description="the shape of one input, such as [1, 28, 28]"),
    ]
    objective: Annotated[
        None, Field(description=f"nothing, and to the key objective {OBJECTIVE}")
    ] = None


class Best(Target):
    """The checkpoint that is tested, where the test looks for it."""

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
    """A callback that does something every so many outer steps."""

    every: Count = 1


class Last(Periodic):
    """The checkpoint that a run is resumed from."""

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


class Callbacks(BaseModel):
    """Those of `conf/callbacks/default.yaml`, of which some may be taken away, and a user's own."""

    model_config = ConfigDict(strict=True, extra="allow")
    __pydantic_extra__: dict[str, Target]
    best: Annotated[
        Best, Field(description="the checkpoint that is tested; callbacks=default has it")
    ]
    last: Annotated[
        Last,
        Field(description="the checkpoint that a run is resumed from; callbacks=default has it"),
    ]
    divergence: Periodic = Periodic.model_construct()  # absent, not null, where it is taken away
    progress: Periodic = Periodic.model_construct()
    inside: Inside = Inside.model_construct()


class Trainer(Section):
    """Keywords of Lightning's trainer; for the others see `innerloop.startup.keywords`."""

    accelerator: Annotated[
        Literal["auto", "cpu", "gpu", "cuda", "mps"],
        Field(description="auto, cpu or gpu (trainer=auto, cpu, gpu)"),
    ]
    devices: Annotated[
        Annotated[int, Field(ge=1, le=1024)]
        | Annotated[list[Natural], Field(min_length=1)]
        | Annotated[str, Field(pattern=r"^(auto|\d+(,\d+)*)$")],
        Field(description="a number of devices, a list of them such as [0, 2], or auto"),
    ]
    strategy: Annotated[
        Literal["auto", "ddp"] | Target,
        Field(description=STRATEGY),
    ]
    num_nodes: Count
    precision: Annotated[
        Literal["32-true", "bf16-mixed", "64-true"],
        Field(description=PRECISION),
    ]
    deterministic: Annotated[
        bool | Literal["warn"] | None, Field(description="true, false or warn")
    ]
    benchmark: OptionalFlag = None
    detect_anomaly: Flag = False
    enable_model_summary: Flag = False
    enable_progress_bar: Flag = True
    profiler: Annotated[
        Literal["simple", "advanced", "pytorch"] | Target | None,
        Field(description="simple, advanced or pytorch"),
    ] = None


class Configuration(Section):
    """Everything that `conf/train.yaml` and its groups have, resolved."""

    seed: Seed
    tags: Annotated[list[Text], Field(description="a list of words, such as [first, try]")]
    published: OptionalText
    deviates: OptionalText = None
    resume: OptionalText
    estimate: Flag = False
    trust: Flag = False
    sweep: Sweep = Sweep(resume=False, slots=1)
    inner: Inner
    outer: Outer
    episode: Episode
    evaluation: Evaluation
    diagnostics: Diagnostics = Diagnostics(test_tasks=0, validation_tasks=0)
    norm: Annotated[
        Literal["transductive", "support", "running"],
        Field(description="transductive, support or running"),
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
