"""PyTorch's layers that cannot run inside an inner loop, replaced by ours that can."""

from collections.abc import Iterator

import torch
from torch import nn

from innerloop.layers.norm import AVERAGED, TaskNorm
from innerloop.layers.padded_embedding import PaddedEmbedding

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


def adopt(model: nn.Module, norm: str | None = None) -> nn.Module:
    """The model itself, with these of its layers replaced; parameters stay the same objects.

    * Batch norm becomes `TaskNorm`, which changes no running averages while tasks are adapted to.
    * `nn.Embedding` with a `padding_idx` becomes `PaddedEmbedding`.

    Deviation: `BatchNorm(momentum=None)`, a plain average over all batches, becomes a running
    average with a momentum of 0.1.

    Arguments:
        norm: mode of batch norm, see `innerloop.layers.norm`. None: `running` for layers with
            running averages, and `transductive` for those without.
    """
    for parent in list(model.modules()):
        for name, layer in list(parent.named_children()):
            if type(layer) in BATCH_NORMS:
                setattr(parent, name, _task_norm(layer, norm))  # type: ignore[arg-type]
            elif _is_padded(layer):
                layer.__class__ = PaddedEmbedding
    return model


def batch_norms(model: nn.Module) -> list[str]:
    """Names of the layers whose batch norm is PyTorch's own."""
    return [name for name, layer in model.named_modules() if type(layer) in BATCH_NORMS]


def _task_norm(layer: nn.BatchNorm2d, mode: str | None) -> TaskNorm:
    mode = mode or ("running" if layer.track_running_stats else "transductive")
    momentum = 0.1 if layer.momentum is None else layer.momentum
    norm = TaskNorm(layer.num_features, mode, momentum, layer.eps, layer.affine)
    if layer.affine:
        norm.weight, norm.bias = layer.weight, layer.bias
    if mode in AVERAGED and layer.running_mean is not None and layer.running_var is not None:
        norm.running_mean, norm.running_var = layer.running_mean, layer.running_var
    place = next(_tensors(layer), torch.zeros(()))
    return norm.to(place.device, place.dtype).train(layer.training)


def _tensors(layer: nn.Module) -> Iterator[torch.Tensor]:
    yield from layer.parameters()
    yield from (buffer for buffer in layer.buffers() if buffer.is_floating_point())


def _is_padded(layer: nn.Module) -> bool:
    return (
        type(layer) is nn.Embedding
        and layer.padding_idx is not None
        and layer.max_norm is None
        and not (layer.sparse or layer.scale_grad_by_freq)
    )
