"""Holds a part of the configuration with a `_target_` to the signature of what it names.

Checked before anything is called: that the target exists, takes these keywords, misses none, and
that a value is of the kind that its annotation, or else its default, says.
"""

import inspect
import json
import pkgutil
import sys
from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from innerloop.errors import UserError, one_line
from innerloop.run.shown import shown
from innerloop.startup.suggestions import listed, similar

PLAIN: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
}
OBJECTS = ("needs_python_object", "callable_type", "is_instance_of")  #: no plain value is one
HYDRAS = {  #: what Hydra itself reads of a part
    "_target_": str, "_partial_": bool, "_recursive_": bool, "_args_": list,
    "_convert_": Literal["none", "partial", "object", "all"],
}  # fmt: skip
LARGEST = 2**63 - 1  #: of the whole numbers that PyTorch takes
CONFIG = ConfigDict(arbitrary_types_allowed=True, strict=True)


def check(part: Mapping[str, Any], key: str, supplied: Collection[str] = ()) -> None:
    """Checks a part and the parts within it.

    Arguments:
        part: plain values, with `_target_`.
        key: where it stands in the configuration.
        supplied: arguments that the program itself gives.

    Raises:
        UserError: for what cannot be called so.
    """
    for name in part.keys() & HYDRAS.keys():
        _check_value(f"{key}.{name}", part[name], HYDRAS[name])
    target = _located(part["_target_"], f"{key}._target_")
    given = {k: v for k, v in part.items() if k not in HYDRAS}
    for name, value in given.items():
        for place, inner in _parts(value, f"{key}.{name}"):
            check(inner, place)
    try:
        parameters = inspect.signature(target).parameters
    except (TypeError, ValueError):  # some built-in functions have none
        return
    for name in given:
        _check_name(name, key, part, parameters, supplied)
    if "_args_" not in part:
        _check_missing(given, key, part, parameters, supplied)
    for name, value in given.items():
        if name in parameters and not _parts(value, ""):
            _check_argument(f"{key}.{name}", value, parameters[name], target)


def _located(name: Any, key: str) -> Callable[..., Any]:
    try:
        target = pkgutil.resolve_name(name)
    except Exception as error:  # the import of a user's own module may raise anything
        raise UserError(f"{key}={shown(name)} is not found: {one_line(error)}.") from error
    if not callable(target):
        raise UserError(f"{key}={shown(name)} is neither a class nor a function.")
    return target


def _parts(value: Any, key: str) -> list[tuple[str, Mapping[str, Any]]]:
    """The outermost parts with a `_target_` in a value, and where they stand."""
    if isinstance(value, Mapping) and "_target_" in value:
        return [(key, value)]
    if isinstance(value, Mapping):
        return [part for k, v in value.items() for part in _parts(v, f"{key}.{k}")]
    if isinstance(value, list):
        return [part for i, v in enumerate(value) for part in _parts(v, f"{key}[{i}]")]
    return []


def _check_name(
    name: str,
    key: str,
    part: Mapping[str, Any],
    parameters: Mapping[str, inspect.Parameter],
    supplied: Collection[str],
) -> None:
    if name in supplied:
        raise UserError(f"{key}.{name}: the program itself gives {_short(part)} its {name}.")
    free = any(p.kind == p.VAR_KEYWORD for p in parameters.values())
    if name in parameters or free:
        return
    names = [n for n in parameters if n not in supplied]
    close = similar(name, names)
    mean = f"did you mean {key}.{close}?" if close else f"it takes {listed(names) or 'nothing'}."
    raise UserError(f"{key}.{name}: {_short(part)} takes no {name}; {mean}")


def _check_missing(
    given: Mapping[str, Any],
    key: str,
    part: Mapping[str, Any],
    parameters: Mapping[str, inspect.Parameter],
    supplied: Collection[str],
) -> None:
    if part.get("_partial_") and not supplied:  # who calls it in the end gives the rest
        return
    for name, parameter in parameters.items():
        variadic = parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        needed = parameter.default is parameter.empty and not variadic
        if needed and name not in given and name not in supplied:
            raise UserError(f"{key}.{name} is missing: {_short(part)} needs it.")


def _check_argument(key: str, value: Any, parameter: inspect.Parameter, target: Any) -> None:
    annotation = _annotation(parameter, target)
    by_default = value is None and parameter.default is None
    if annotation is not None and not by_default:
        _check_value(key, value, annotation)


def _check_value(key: str, value: Any, annotation: Any) -> None:
    if isinstance(value, int) and abs(value) > LARGEST:
        raise UserError(f"{key}={shown(value)}: give a number that fits into 64 bits.")
    if not _fits(value, annotation):
        kind = inspect.formatannotation(annotation).replace("typing.", "")
        wanted = PLAIN.get(annotation, f"a value of type {kind}")
        raise UserError(f"{key}={shown(value)}: give {wanted}.")


def _annotation(parameter: inspect.Parameter, target: Any) -> Any:
    """What a parameter says that it takes; None if it says nothing."""
    annotation = parameter.annotation
    if annotation is parameter.empty:
        kind = type(parameter.default)
        return {bool: bool, int: float, float: float}.get(kind)
    if isinstance(annotation, str):
        module = sys.modules[target.__module__]
        try:
            return eval(annotation, vars(module))  # as typing.get_type_hints does
        except Exception:  # a name that is imported for type checkers alone
            return None
    return annotation


def _fits(value: Any, annotation: Any) -> bool:
    try:
        adapter = TypeAdapter(annotation, config=CONFIG)
        text = json.dumps(value)
    except Exception:  # an annotation that says nothing of plain values
        return True
    try:
        adapter.validate_json(text)  # JSON's own strict rules: a list may be a tuple
    except ValidationError as errors:
        return all(error["type"] in OBJECTS for error in errors.errors())
    return True


def _short(part: Mapping[str, Any]) -> str:
    return str(part["_target_"]).rpartition(".")[2]
