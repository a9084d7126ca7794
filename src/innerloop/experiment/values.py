"""Types of the values of a configuration: counts, rates, texts, and parts that are built."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainValidator

from innerloop.tasks import Range, size

MOST = 2**31 - 1  #: the largest count: it fits the integers of every library


def _size(value: object) -> int | Range:
    try:
        return size(value)
    except ValueError as error:
        raise AssertionError from error  # of a ValueError the user would see only its own words


class Section(BaseModel):
    """A part of the configuration with fixed keys."""

    model_config = ConfigDict(strict=True, extra="forbid")


class Target(BaseModel):
    """A part that names a class; its other keys are the arguments, which `targets` checks."""

    model_config = ConfigDict(strict=True, extra="allow")
    target: Annotated[str, Field(alias="_target_", description="the name of a class")]


Text = Annotated[str, Field(description="a text", min_length=1)]
OptionalText = Annotated[str | None, Field(description="a text, or null", min_length=1)]
Size = Annotated[
    int | Range,
    PlainValidator(_size),
    Field(description="a whole number from 1, or a range such as [1, 10]"),
]
Flag = Annotated[bool, Field(description="true or false")]
OptionalFlag = Annotated[
    bool | None, Field(description="true, false, or null for an automatic choice")
]
Count = Annotated[int, Field(description="a whole number from 1", ge=1, le=MOST)]
OptionalCount = Annotated[
    int | None, Field(description="a whole number from 1, or null", ge=1, le=MOST)
]
Natural = Annotated[int, Field(description="a whole number, 0 or more", ge=0, le=MOST)]
Seed = Annotated[int, Field(description="a whole number from 0 to 4294967295", ge=0, le=2**32 - 1)]
Positive = Annotated[
    float, Field(description="a number above zero", gt=0, le=MOST, allow_inf_nan=False)
]
Processes = Annotated[int, Field(description="a whole number from 0 to 1024", ge=0, le=1024)]
