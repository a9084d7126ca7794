"""A mistake in a configuration, as a line for the user."""

from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from innerloop.experiment.plain import PlainDict
from innerloop.experiment.schema import Configuration
from innerloop.experiment.shown import shown
from innerloop.experiment.values import Target
from innerloop.startup.suggestions import dotted, unknown_key


def first_mistake(errors: ValidationError, content: PlainDict) -> str:
    """One of pydantic's errors in a line: an unknown key if there is one, or else the first.

    Arguments:
        content: the configuration that was checked.
    """
    mistakes = errors.errors()
    first = next((e for e in mistakes if e["type"] == "extra_forbidden"), mistakes[0])
    key = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return unknown_key(key, [k for k in dotted(content) if not f"{k}.".startswith(f"{key}.")])
    if first["type"] == "value_error":
        return str(first["ctx"]["error"])
    key, field, value = _located(first["loc"], content)
    if first["type"] == "missing":
        return f"{key} is missing: give {_wanted(field)}."
    return f"{key}={shown(value)}: give {_wanted(field)}."


def _located(
    location: tuple[int | str, ...], content: object
) -> tuple[str, FieldInfo | None, object]:
    """The key at a location, its field in the schema if it has one, and its value.

    A location of pydantic also names members of unions and places in lists: these are skipped.
    """
    model: type[BaseModel] | None = Configuration
    field: FieldInfo | None = None
    path: list[str] = []
    for step in map(str, location):
        fields = {f.alias or name: f for name, f in model.model_fields.items()} if model else {}
        inside = isinstance(content, dict) and step in content
        if step in fields:
            field = fields[step]
            model = _model(field)
        elif inside:
            field, model = None, Target
        else:
            continue
        path.append(step)
        content = content.get(step) if isinstance(content, dict) else None
    return ".".join(path), field, content


def _model(field: FieldInfo) -> type[BaseModel] | None:
    kinds = (field.annotation, *get_args(field.annotation))
    return next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)), None)


def _wanted(field: FieldInfo | None) -> str:
    if field is None:
        return "a part with a _target_"
    model = _model(field)
    if field.description or model is None:
        return field.description or "another value"
    names = [f.alias or name for name, f in model.model_fields.items()]
    return f"a section with {', '.join(names)}"
