"""Which parameters the inner loop moves.

A frozen parameter (`requires_grad=False`) stays still. A tied one, which has several names, is one
parameter: it moves if any of its names is in the part that moves, and then under all of them.
"""

from torch import Tensor, nn

from innerloop.adaptation.gradients import Parameters


def moving(model: nn.Module, prefix: str = "") -> Parameters:
    """The parameters, by their first name, of the part of the model whose names begin so."""
    names = _names(model)
    return {
        name: parameter
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and any(n.startswith(prefix) for n in names[id(parameter)])
    }


def in_full(model: nn.Module, adapted: Parameters) -> dict[str, Tensor]:
    """The state of the model with adapted parameters in the place of its own, under all names."""
    values = {id(p): adapted[k] for k, p in model.named_parameters() if k in adapted}
    tied = model.named_parameters(remove_duplicate=False)
    return model.state_dict() | {k: values[id(p)] for k, p in tied if id(p) in values}


def _names(model: nn.Module) -> dict[int, list[str]]:
    """All names of each parameter."""
    found: dict[int, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        found.setdefault(id(parameter), []).append(name)
    return found
