"""Which parameters the inner loop moves.

A frozen parameter (`requires_grad=False`) stays still. A tied one, which has several names, is one
parameter: it moves if any of its names is in the part that moves, and then under all of them.
"""

from torch import Tensor, nn

from innerloop.adaptation.gradients import Parameters


def moving(model: nn.Module, prefix: str = "") -> Parameters:
    """The parameters, by their first name, of the part of the model whose names begin so."""
    trained: Parameters = {k: p for k, p in model.named_parameters() if p.requires_grad}
    if not prefix:
        return trained
    tied = model.named_parameters(remove_duplicate=False)
    chosen = {id(p) for name, p in tied if name.startswith(prefix)}
    return {k: p for k, p in trained.items() if id(p) in chosen}


def in_full(model: nn.Module, adapted: Parameters) -> dict[str, Tensor]:
    """The state of the model with adapted parameters in the place of its own, under all names."""
    values = {id(p): adapted[k] for k, p in model.named_parameters() if k in adapted}
    tied = model.named_parameters(remove_duplicate=False)
    return model.state_dict() | {k: values[id(p)] for k, p in tied if id(p) in values}
