"""What makes the outer optimizer cost little beside the step of a small network."""

import os
from typing import TypeVar

import torch

Optimizer = TypeVar("Optimizer", bound=torch.optim.Optimizer)


def quick(optimizer: Optimizer) -> Optimizer:
    """The same optimizer, with one kernel instead of one for each parameter where it has one.

    At every step torch's optimizers ask whether a GPU is at hand. Lightning, once imported, has
    them ask the driver, so that processes may be forked afterwards; on a machine without a GPU the
    answer, which cannot change, takes longer than the optimizer itself. There they ask no more.
    """
    for group in optimizer.param_groups:
        if group.get("fused", False) is None and group.get("foreach") is None:
            group["fused"] = True
    if not torch.cuda.is_available():
        os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "0"
    return optimizer
