"""What each key of the configuration accepts, in the words that a mistake is answered with."""

from collections.abc import Iterator
from typing import Annotated, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from innerloop.experiment.schema import Configuration


def accepted() -> dict[str, str]:
    """The description of each key of the schema, by its dotted name.

    Example:
        >>> accepted()["outer.tasks"]
        'a whole number from 1'
    """
    return dict(_described(Configuration, ""))


def _described(section: type[BaseModel], prefix: str) -> Iterator[tuple[str, str]]:
    for name, field in section.model_fields.items():
        key = f"{prefix}{name}"
        if description := field.description or _inner(field.annotation):
            yield key, description
        for part in _sections(field.annotation):
            yield from _described(part, f"{key}.")


def _inner(annotation: object) -> str | None:
    """The description inside an annotation, such as that of a list of counts."""
    if get_origin(annotation) is Annotated:
        fields = [part for part in get_args(annotation) if isinstance(part, FieldInfo)]
        return next((f.description for f in fields if f.description), None)
    return None


def _sections(annotation: object) -> Iterator[type[BaseModel]]:
    """The models that an annotation names."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _sections(part)
