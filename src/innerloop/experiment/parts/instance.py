"""Builds an object from its part of the configuration."""

from collections.abc import Mapping
from typing import TypeVar

from hydra.utils import instantiate

from innerloop.errors import UserError

Kind = TypeVar("Kind")


def instance(part: Mapping[str, object], key: str, kind: type[Kind], **given: object) -> Kind:
    """The object that the `_target_` of a part builds from its other keys.

    Arguments:
        key: the place of the part in the configuration.
        kind: the class of the object.
        given: further arguments for the target.

    Raises:
        UserError: if the object is of another class.
    """
    built = instantiate(part, _convert_="all", **given)
    if not isinstance(built, kind):
        raise UserError(
            f"{key}._target_={part['_target_']} builds a {type(built).__name__}, but "
            f"a {kind.__name__} is needed."
        )
    return built
