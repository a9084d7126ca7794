"""Sizes of tasks, and how learners are evaluated on them."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from innerloop.experiment.values import (
    MOST,
    Count,
    Flag,
    Natural,
    OptionalCount,
    OptionalText,
    Section,
    Seed,
    Size,
    Text,
)


class Sizes(Section):
    """Sizes of a task."""

    ways: Size
    shots: Size
    queries: Size
    balance: Annotated[
        Literal["equal", "uniform", "dirichlet", "meta_dataset"],
        Field(description="equal, uniform, dirichlet or meta_dataset"),
    ] = "equal"
    alpha: Annotated[float, Field(description="a number from 0.05 to 1000", ge=0.05, le=1000)] = 1.0

    query_balance: Annotated[
        Literal["equal", "dirichlet"], Field(description="equal or dirichlet")
    ] = "equal"
    largest_support: Count = 500
    drawn_from: Annotated[
        Literal["split", "group", "group_if_any", "hierarchy"],
        Field(description="split, group, group_if_any or hierarchy"),
    ] = "split"


class TestEpisode(Sizes):
    """Sizes of a test task."""

    replacement: Flag = True


class Episode(Sizes):
    """Sizes of a training task, and of a test task."""

    test: TestEpisode

    @model_validator(mode="after")
    def _shots_can_be_unequal(self) -> Self:
        for key, part in (("episode", self), ("episode.test", self.test)):
            one_number = isinstance(part.shots, int)
            equal = {
                "uniform": one_number,
                "dirichlet": part.shots == 1,
                "meta_dataset": one_number,
            }
            if equal.get(part.balance, False):
                raise ValueError(
                    f"{key}.balance={part.balance} with {key}.shots={part.shots} gives all classes "
                    f"the same number: give a range such as {key}.shots=[1,10], or leave "
                    f"{key}.balance=equal."
                )
        return self


class Validation(Section):
    """Validation during the training."""

    tasks: Count
    every: Count
    minutes: Annotated[
        float | None, Field(description="more than 0, or null", gt=0, le=MOST, allow_inf_nan=False)
    ] = None
    dataset: OptionalText = None


class Evaluation(Section):
    """The test, and what is measured in it."""

    tasks: Count
    scored_step: Natural
    curve: Natural
    curve_tasks: OptionalCount = 100
    seed: Seed
    batch: Count
    on: Annotated[
        list[Text], Field(description="a list of data sets, such as [omniglot, glyphs]")
    ] = []
    resize: Flag = False
    baselines: Flag = False
    audit: Annotated[int, Field(description="a number of tasks, or 0 for none", ge=0, le=MOST)] = 50
    validation: Validation
