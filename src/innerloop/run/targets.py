"""Compares a part of the configuration with the signature of the `_target_` that it names.

Before anything is called: the target must exist and take these keywords, none may be missing, and
each value must fit the annotation of its parameter, or else its default.
"""

import inspect
import pkgutil
from collections.abc import Callable, Collection, Mapping
from typing import Literal

from innerloop.errors import UserError, one_line
from innerloop.run.annotations import annotation_of, check_value
from innerloop.run.shown import shown
from innerloop.startup.suggestions import listed, similar

HYDRAS = {  #: keys that Hydra itself reads
    "_target_": str, "_partial_": bool, "_recursive_": bool, "_args_": list,
    "_convert_": Literal["none", "partial", "object", "all"],
}  # fmt: skip


def check(part: Mapping[str, object], key: str, supplied: Collection[str] = ()) -> None:
    """Checks a part and the parts inside it.

    Arguments:
        part: plain values, with `_target_`.
        key: its place in the configuration.
        supplied: arguments that the program itself passes.

    Raises:
        UserError: for what cannot be called with these keywords.
    """
    for name in part.keys() & HYDRAS.keys():
        check_value(f"{key}.{name}", part[name], HYDRAS[name])
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


def _located(name: object, key: str) -> Callable[..., object]:
    try:
        target = pkgutil.resolve_name(name)  # type: ignore[arg-type]
    except Exception as error:  # the import of a user's own module may raise anything
        raise UserError(f"{key}={shown(name)} is not found: {one_line(error)}.") from error
    if not callable(target):
        raise UserError(f"{key}={shown(name)} is neither a class nor a function.")
    return target


def _parts(value: object, key: str) -> list[tuple[str, Mapping[str, object]]]:
    """The outermost parts with a `_target_` in a value, and their places."""
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
    part: Mapping[str, object],
    parameters: Mapping[str, inspect.Parameter],
    supplied: Collection[str],
) -> None:
    if name in supplied:
        raise UserError(f"{key}.{name}: the program itself passes {name} to {_short(part)}.")
    free = any(p.kind == p.VAR_KEYWORD for p in parameters.values())
    if name in parameters or free:
        return
    names = [n for n in parameters if n not in supplied]
    close = similar(name, names)
    mean = f"did you mean {key}.{close}?" if close else f"it takes {listed(names) or 'nothing'}."
    raise UserError(f"{key}.{name}: {_short(part)} takes no {name}; {mean}")


def _check_missing(
    given: Mapping[str, object],
    key: str,
    part: Mapping[str, object],
    parameters: Mapping[str, inspect.Parameter],
    supplied: Collection[str],
) -> None:
    if part.get("_partial_") and not supplied:  # its caller passes the rest
        return
    for name, parameter in parameters.items():
        variadic = parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        needed = parameter.default is parameter.empty and not variadic
        if needed and name not in given and name not in supplied:
            raise UserError(f"{key}.{name} is missing: {_short(part)} needs it.")


def _check_argument(
    key: str, value: object, parameter: inspect.Parameter, target: Callable[..., object]
) -> None:
    annotation = annotation_of(parameter, target)
    by_default = value is None and parameter.default is None
    if annotation is not None and not by_default:
        check_value(key, value, annotation)


def _short(part: Mapping[str, object]) -> str:
    return str(part["_target_"]).rpartition(".")[2]
