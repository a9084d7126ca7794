"""Compares a part of the configuration with the signature of the `_target_` that it names.

Before anything is called: the target must exist and take these keywords, none may be missing, and
each value must fit the annotation of its parameter, or else its default.
"""

import inspect
import pkgutil
from collections.abc import Callable, Collection, Mapping
from typing import Literal, NamedTuple

from innerloop.errors import UserError, one_line
from innerloop.experiment.annotations import annotation_of, check_value
from innerloop.experiment.shown import shown
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
    arguments = {name: value for name, value in part.items() if name not in HYDRAS}
    for name, value in arguments.items():
        for place, inner in _parts(value, f"{key}.{name}"):
            check(inner, place)
    try:
        parameters = inspect.signature(target).parameters
    except (TypeError, ValueError):  # some built-in functions have none
        return
    call = _Call(key, part, parameters, supplied)
    for name in arguments:
        call.check_name(name)
    if "_args_" not in part:
        call.check_missing()
    for name, value in arguments.items():
        if name in parameters and not _parts(value, ""):
            _check_argument(f"{key}.{name}", value, parameters[name], target)


class _Call(NamedTuple):
    """A call of a target: the part with its arguments, and the parameters of the target."""

    key: str
    part: Mapping[str, object]
    parameters: Mapping[str, inspect.Parameter]
    supplied: Collection[str]

    @property
    def target(self) -> str:
        """The name of the target without its module."""
        return str(self.part["_target_"]).rpartition(".")[2]

    def check_name(self, name: str) -> None:
        """Raises `UserError` if the target does not take this argument from the user."""
        key, parameters = f"{self.key}.{name}", self.parameters
        if name in self.supplied:
            raise UserError(f"{key}: the program itself passes {name} to {self.target}.")
        if name in parameters or any(p.kind == p.VAR_KEYWORD for p in parameters.values()):
            return
        names = [n for n in parameters if n not in self.supplied]
        close = similar(name, names)
        takes = f"it takes {listed(names) or 'nothing'}."
        hint = f"did you mean {self.key}.{close}?" if close else takes
        raise UserError(f"{key}: {self.target} takes no {name}; {hint}")

    def check_missing(self) -> None:
        """Raises `UserError` if a parameter without a default gets no value."""
        if self.part.get("_partial_") and not self.supplied:  # its caller passes the rest
            return
        for name, parameter in self.parameters.items():
            variadic = parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
            needed = parameter.default is parameter.empty and not variadic
            if needed and name not in self.part and name not in self.supplied:
                raise UserError(f"{self.key}.{name} is missing: {self.target} needs it.")


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


def _check_argument(
    key: str, value: object, parameter: inspect.Parameter, target: Callable[..., object]
) -> None:
    annotation = annotation_of(parameter, target)
    by_default = value is None and parameter.default is None
    if annotation is not None and not by_default:
        check_value(key, value, annotation)
