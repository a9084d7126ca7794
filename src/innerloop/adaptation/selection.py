"""Which parameters the inner loop moves, by patterns of their names.

A frozen parameter (`requires_grad=False`) stays still. A tied one, which has several names, is one
parameter: it moves if any of its names is chosen, and then under all of them.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from torch import Tensor, nn

from innerloop.adaptation.gradients import Parameters
from innerloop.errors import UserError

ALL = ("*",)


def moving(model: nn.Module, patterns: Sequence[str] = ALL) -> Parameters:
    """The parameters, by their first name, that the patterns choose.

    Arguments:
        patterns: such as `head.*`; one that begins with `!` takes back what those before it chose.

    Example:
        >>> list(moving(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1)), ["*", "!*.bias"]))
        ['0.weight', '1.weight']
    """
    trained: Parameters = {k: p for k, p in model.named_parameters() if p.requires_grad}
    if tuple(patterns) == ALL:
        return trained
    tied = model.named_parameters(remove_duplicate=False)
    chosen = {id(p) for name, p in tied if _is_chosen(name, patterns)}
    return {k: p for k, p in trained.items() if id(p) in chosen}


def check_patterns(model: nn.Module, patterns: str | Sequence[str], key: str) -> tuple[str, ...]:
    """The patterns, if they choose a parameter of the model.

    Arguments:
        key: of the configuration, which the error names.

    Raises:
        UserError: if they choose none.
    """
    patterns = (patterns,) if isinstance(patterns, str) else tuple(patterns)
    if not moving(model, patterns):
        names = [name for name, _ in model.named_parameters()]
        shown = ", ".join([*names[:8], "..."][: len(names)])
        raise UserError(
            f"{key}=[{', '.join(patterns)}] chooses no parameter that is trained. Give patterns of "
            f"their names, such as [head.*] or ['*', '!*.bias']; this model has {shown}."
        )
    return patterns


def _is_chosen(name: str, patterns: Sequence[str]) -> bool:
    chosen = False
    for pattern in patterns:
        if pattern.startswith("!"):
            chosen = chosen and not fnmatchcase(name, pattern[1:])
        else:
            chosen = chosen or fnmatchcase(name, pattern)
    return chosen


def in_full(model: nn.Module, adapted: Parameters) -> dict[str, Tensor]:
    """The state of the model with adapted parameters in the place of its own, under all names."""
    values = {id(p): adapted[k] for k, p in model.named_parameters() if k in adapted}
    tied = model.named_parameters(remove_duplicate=False)
    return model.state_dict() | {k: values[id(p)] for k, p in tied if id(p) in values}
