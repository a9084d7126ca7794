"""Makes the step of an outer optimizer faster, which matters for small networks."""

import os
from typing import TypeVar

import torch

Optimizer = TypeVar("Optimizer", bound=torch.optim.Optimizer)


def reduce_overhead(optimizer: Optimizer) -> Optimizer:
    """Returns the same optimizer with one fused kernel for all parameters, where it has one.

    At every step torch's optimizers check for a GPU. Lightning makes them ask the driver, so that
    processes can be forked afterwards. Without a GPU this check takes longer than the optimizer
    itself and its result cannot change: it is switched off there.
    """
    for group in optimizer.param_groups:
        if group.get("fused", False) is None and group.get("foreach") is None:
            group["fused"] = True
    if not torch.cuda.is_available():
        os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "0"
    return optimizer
