"""Whether a plain value fits the annotation of a parameter."""

import inspect
import json
import sys
from collections.abc import Callable

from pydantic import ConfigDict, TypeAdapter, ValidationError

from innerloop.errors import UserError
from innerloop.experiment.shown import shown

PLAIN: dict[object, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
}
OBJECTS = ("needs_python_object", "callable_type", "is_instance_of")  #: errors of plain values
LARGEST = 2**63 - 1  #: of the whole numbers that PyTorch takes
CONFIG = ConfigDict(arbitrary_types_allowed=True, strict=True)


def check_value(key: str, value: object, annotation: object) -> None:
    """Raises `UserError` if a plain value does not fit a type.

    Arguments:
        key: the place of the value in the configuration.
        annotation: the type, such as `int | None`.
    """
    if isinstance(value, int) and abs(value) > LARGEST:
        raise UserError(f"{key}={shown(value)}: give a number that fits into 64 bits.")
    if not _fits(value, annotation):
        kind = inspect.formatannotation(annotation).replace("typing.", "")
        wanted = PLAIN.get(annotation, f"a value of type {kind}")
        raise UserError(f"{key}={shown(value)}: give {wanted}.")


def annotation_of(parameter: inspect.Parameter, target: Callable[..., object]) -> object:
    """The type that a parameter takes, from its annotation or default; None if unknown."""
    annotation = parameter.annotation
    if annotation is parameter.empty:
        kind = type(parameter.default)
        return {bool: bool, int: float, float: float}.get(kind)
    if isinstance(annotation, str):
        module = sys.modules[target.__module__]
        try:
            return eval(annotation, vars(module))  # as typing.get_type_hints does
        except Exception:  # a name that only type checkers import
            return None
    return annotation


def _fits(value: object, annotation: object) -> bool:
    """Whether a plain value is of a type; also true if pydantic cannot check the type."""
    try:
        adapter: TypeAdapter[object] = TypeAdapter(annotation, config=CONFIG)  # type: ignore[arg-type]
        text = json.dumps(value)
    except Exception:  # not a type that pydantic knows
        return True
    try:
        adapter.validate_json(text)  # JSON's own strict rules: a list may be a tuple
    except ValidationError as errors:
        return all(error["type"] in OBJECTS for error in errors.errors())
    return True
