"""An object from its part of the configuration."""

from typing import Any, TypeVar

from hydra.utils import instantiate

from innerloop.errors import UserError

Kind = TypeVar("Kind")


def instance(part: Any, key: str, kind: type[Kind], **given: Any) -> Kind:
    """What `_target_` of a part makes of its other keys.

    Arguments:
        key: where the part stands in the configuration.
        kind: what it must be.
        given: further arguments, of the program's own.

    Raises:
        UserError: if it is of another kind.
    """
    built = instantiate(part, _convert_="all", **given)
    if not isinstance(built, kind):
        raise UserError(
            f"{key}._target_={part['_target_']} makes a {type(built).__name__}, where a "
            f"{kind.__name__} is needed."
        )
    return built
