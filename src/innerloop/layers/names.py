"""Refuses a module that is registered under two names."""

from collections import defaultdict

from torch import nn

from innerloop.errors import UserError


def check(module: nn.Module) -> None:
    """Raises `UserError` if a module with parameters has two names.

    `torch.func.functional_call` (torch 2.15) leaves temporary tensors in such a module instead of
    its parameters, which would then never be trained.
    """
    names: dict[nn.Module, list[str]] = defaultdict(list)
    for name, part in module.named_modules(remove_duplicate=False):
        if part._parameters:
            names[part].append(name)
    for part, own in names.items():
        if len(own) > 1:
            raise UserError(
                f"{own[0]} and {own[1]} are one {type(part).__name__} under two names, whose "
                "weights PyTorch cannot replace in an inner loop: register it once, and reach it "
                "through a method or a property elsewhere. Two modules may share a weight."
            )
