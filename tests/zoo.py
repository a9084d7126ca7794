"""Ordinary models, as users may bring them, and their meta-gradients by hand-written loops."""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from innerloop import tasks as task_tools
from innerloop.models.network import Network
from innerloop.tasks import Examples, Task

WAYS, SHOTS, QUERIES, TASKS = 3, 2, 3, 4
LENGTH, WIDTH, WORDS = 6, 8, 11  # of sequences, their features, and the vocabulary
RATE, STEPS = 0.3, 2


class Body(nn.Module):
    """A linear layer, the tested layer, and the mean over the sequence."""

    def __init__(self, layer: nn.Module, before: nn.Module | None = None) -> None:
        super().__init__()
        self.width = WIDTH
        self.before = nn.Linear(5, WIDTH) if before is None else before
        self.layer = layer

    def forward(self, inputs: Tensor) -> Tensor:
        features = self.layer(self.before(inputs))
        features = features[0] if isinstance(features, tuple) else features
        return torch.tanh(features) if features.dim() == 2 else torch.tanh(features).mean(1)


class PlainNorm(nn.Sequential):
    """A small network with PyTorch's own batch norm, for images of one channel."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 4, 3, stride=2), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
        )  # fmt: skip
        self.width = 16


class Attention(nn.MultiheadAttention):
    """Self-attention, with or without its weights."""

    def __init__(self, weights: bool) -> None:
        super().__init__(WIDTH, 2, batch_first=True)
        self.weights = weights

    def forward(self, inputs: Tensor) -> Any:
        return super().forward(inputs, inputs, inputs, need_weights=self.weights)


class Functional(nn.Module):
    """A layer that is a function, not a module."""

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.scale, self.function = nn.Parameter(torch.rand(WIDTH) + 0.5), function

    def forward(self, inputs: Tensor) -> Tensor:
        return self.function(inputs, self.scale)


class OverLength(nn.Module):
    """A layer whose channels are in the second dimension, as for images and sound."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, inputs: Tensor) -> Tensor:
        return self.layer(inputs.transpose(1, 2)).transpose(1, 2)


class Tied(nn.Module):
    """Two layers with one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.two.weight = self.one.weight

    def forward(self, inputs: Tensor) -> Tensor:
        return self.two(torch.tanh(self.one(inputs)))


class Positions(nn.Module):
    """A buffer that never changes."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("kept", torch.randn(LENGTH, WIDTH))
        self.register_buffer("passing", torch.randn(WIDTH), persistent=False)

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs * self.passing + self.kept


class Counting(nn.Module):
    """A buffer that changes in every pass."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(WIDTH))

    def forward(self, inputs: Tensor) -> Tensor:
        with torch.no_grad():
            self.seen.mul_(0.9).add_(inputs.mean((0, 1)))
        return inputs - self.seen


class Frozen(nn.Sequential):
    """A frozen layer before a trained one."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(WIDTH, WIDTH), nn.Tanh(), nn.Linear(WIDTH, WIDTH))
        self[0].requires_grad_(False)


class Unused(nn.Sequential):
    """A layer that does not affect the output."""

    def forward(self, inputs: Tensor) -> Tensor:
        return self[0](inputs)


def _resnet() -> nn.Module:
    """Residual blocks of torchvision's ResNet, with weights as after a training."""
    from torchvision.models.resnet import BasicBlock

    shrink = nn.Sequential(nn.Conv2d(4, WIDTH, 1, stride=2, bias=False), nn.BatchNorm2d(WIDTH))
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True),
        BasicBlock(4, 4), BasicBlock(4, WIDTH, 2, shrink), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    )  # fmt: skip
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.running_var, 0.5, 1.5)
    network.width = WIDTH
    return network


def _old_weight_norm() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return nn.utils.weight_norm(nn.Linear(WIDTH, WIDTH))


_PARAMETRIZED = nn.utils.parametrizations


def _embedded(**options: Any) -> Callable[[], nn.Module]:
    return lambda: Body(nn.Linear(WIDTH, WIDTH), nn.Embedding(WORDS, WIDTH, **options))


def _of(make: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    return lambda: Body(make())


MODELS: dict[str, Callable[[], nn.Module]] = {
    "BatchNorm1d": _of(lambda: OverLength(nn.BatchNorm1d(WIDTH))),
    "BatchNorm1d without averages": _of(
        lambda: OverLength(nn.BatchNorm1d(WIDTH, track_running_stats=False))
    ),
    "BatchNorm1d without scale": _of(lambda: OverLength(nn.BatchNorm1d(WIDTH, affine=False))),
    "InstanceNorm1d": _of(lambda: OverLength(nn.InstanceNorm1d(WIDTH, affine=True))),
    "InstanceNorm1d with averages": _of(
        lambda: OverLength(nn.InstanceNorm1d(WIDTH, track_running_stats=True))
    ),
    "LayerNorm": _of(lambda: nn.LayerNorm(WIDTH)),
    "layer_norm": _of(lambda: Functional(lambda x, w: F.layer_norm(x, (WIDTH,), w))),
    "GroupNorm": _of(lambda: OverLength(nn.GroupNorm(2, WIDTH))),
    "RMSNorm": _of(lambda: nn.RMSNorm(WIDTH)),
    "LocalResponseNorm": _of(lambda: OverLength(nn.LocalResponseNorm(2))),
    "Dropout that drops nothing": _of(lambda: nn.Dropout(0.0)),
    "LSTM": _of(lambda: nn.LSTM(WIDTH, WIDTH, batch_first=True)),
    "bidirectional LSTM": _of(
        lambda: nn.LSTM(WIDTH, WIDTH // 2, 2, batch_first=True, bidirectional=True)
    ),
    "GRU": _of(lambda: nn.GRU(WIDTH, WIDTH, batch_first=True)),
    "RNN": _of(lambda: nn.RNN(WIDTH, WIDTH, batch_first=True)),
    "attention": _of(lambda: Attention(True)),
    "attention without weights": _of(lambda: Attention(False)),
    "scaled_dot_product_attention": _of(
        lambda: Functional(lambda x, w: F.scaled_dot_product_attention(x * w, x, x))
    ),
    "Transformer encoder": _of(
        lambda: nn.TransformerEncoder(
            nn.TransformerEncoderLayer(WIDTH, 2, 16, dropout=0.0, batch_first=True), 2
        )
    ),
    "Embedding": _embedded(),
    "Embedding with padding": _embedded(padding_idx=0),
    "embedding with padding": lambda: Body(
        nn.Linear(WIDTH, WIDTH), _FunctionalEmbedding()
    ),
    "EmbeddingBag": lambda: Body(nn.Linear(WIDTH, WIDTH), nn.EmbeddingBag(WORDS, WIDTH)),
    "tied weights": _of(Tied),
    "frozen layer": _of(Frozen),
    "buffers": _of(Positions),
    "counting buffer": _of(Counting),
    "unused layer": _of(lambda: Unused(nn.Linear(WIDTH, WIDTH), nn.Linear(3, 3))),
    "weight norm": _of(lambda: _PARAMETRIZED.weight_norm(nn.Linear(WIDTH, WIDTH))),
    "old weight norm": _of(_old_weight_norm),
    "spectral norm": _of(lambda: _PARAMETRIZED.spectral_norm(nn.Linear(WIDTH, WIDTH))),
    "orthogonal weight": _of(lambda: _PARAMETRIZED.orthogonal(nn.Linear(WIDTH, WIDTH))),
    "ReLU in place": _of(lambda: nn.ReLU(inplace=True)),
    "PReLU": _of(nn.PReLU),
    "Bilinear": _of(lambda: _WithItself(nn.Bilinear(WIDTH, WIDTH, WIDTH))),
    "Conv1d and MaxPool1d": _of(
        lambda: OverLength(nn.Sequential(nn.Conv1d(WIDTH, WIDTH, 3, padding=1), nn.MaxPool1d(2)))
    ),
    "ConvTranspose1d": _of(lambda: OverLength(nn.ConvTranspose1d(WIDTH, WIDTH, 3))),
    "AdaptiveMaxPool1d": _of(lambda: OverLength(nn.AdaptiveMaxPool1d(2))),
    "twenty layers": _of(
        lambda: nn.Sequential(*[m for _ in range(10) for m in (nn.Linear(WIDTH, WIDTH), nn.Tanh())])
    ),
    "ResNet of torchvision": _resnet,
}  # fmt: skip


class _FunctionalEmbedding(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(WORDS, WIDTH))

    def forward(self, words: Tensor) -> Tensor:
        return F.embedding(words, self.weight, padding_idx=0)


class _WithItself(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, inputs: Tensor) -> Tensor:
        return self.layer(inputs, inputs)


def model_of(name: str) -> Network:
    """A new model in float64, equal at every call."""
    torch.manual_seed(1)
    return Network(MODELS[name](), WAYS).double()


def tasks_of(name: str) -> Task:
    """A batch of tasks that fit the model."""
    torch.manual_seed(2)

    def examples(each: int) -> Examples:
        n = WAYS * each
        labels = torch.stack([torch.randperm(n) % WAYS for _ in range(TASKS)])
        if "mbedding" in name:
            return Examples(torch.randint(0, WORDS, (TASKS, n, LENGTH)), labels)
        shape = (1, 8, 8) if "ResNet" in name else (LENGTH, 5)
        return Examples(torch.randn(TASKS, n, *shape, dtype=torch.float64), labels)

    return Task(examples(SHOTS), examples(QUERIES))


# --- meta-gradients by plain loops over tasks and steps


def by_hand(name: str, model: Network, tasks: Task) -> dict[str, Tensor]:
    """The gradient of the mean meta-loss for the model's parameters (and `rates.` of Meta-SGD)."""
    trained = {k: p for k, p in model.named_parameters() if p.requires_grad}
    rates = {k: torch.full_like(p, RATE, requires_grad=True) for k, p in trained.items()}
    watched = trained | ({f"rates.{k}": r for k, r in rates.items()} if name == "meta_sgd" else {})
    if name == "protonet":
        return _gradient(_protonet(model, tasks), watched)
    total: dict[str, Tensor] = {k: torch.zeros_like(v) for k, v in watched.items()}
    for i in range(TASKS):
        task = task_tools.only(task_tools.part(tasks, i, i + 1))
        if name == "reptile":
            slopes = _reptile(model, task, trained)
        else:
            slopes = _gradient(_query_loss(name, model, task, trained, rates), watched)
        total = {k: total[k] + slopes[k] / TASKS for k in total}
    return total


def _gradient(loss: Tensor, watched: dict[str, Tensor]) -> dict[str, Tensor]:
    slopes = torch.autograd.grad(
        loss, list(watched.values()), materialize_grads=True, allow_unused=True
    )
    return dict(zip(watched, slopes, strict=True))


def _query_loss(name: str, model: Any, task: Task, trained: Any, rates: Any) -> Tensor:
    part = {"anil": "head.", "boil": "body."}.get(name, "")
    moving = {k: p for k, p in trained.items() if k.startswith(part)}
    second = name != "fomaml"
    for _ in range(STEPS):
        outputs = functional_call(model, trained | moving, (task.support.inputs,))
        loss = F.cross_entropy(outputs, task.support.targets)
        slopes = torch.autograd.grad(loss, list(moving.values()), create_graph=second,
                                     allow_unused=True, materialize_grads=True)  # fmt: skip
        rate = {k: rates[k] if name == "meta_sgd" else RATE for k in moving}
        moving = {k: p - rate[k] * g for (k, p), g in zip(moving.items(), slopes, strict=True)}
    outputs = functional_call(model, trained | moving, (task.query.inputs,))
    return F.cross_entropy(outputs, task.query.targets)


def _reptile(model: Any, task: Task, trained: Any) -> dict[str, Tensor]:
    """The start minus the end of Adam without momentum, on minibatches of ten, taken cyclically."""
    x, y = task_tools.concatenate(task.support, task.query)
    moving = {k: p.detach().clone().requires_grad_() for k, p in trained.items()}
    inner = torch.optim.Adam(moving.values(), lr=RATE, betas=(0.0, 0.999))
    for step in range(STEPS):
        rows = [(step * 10 + i) % len(y) for i in range(10)]
        inner.zero_grad()
        F.cross_entropy(functional_call(model, moving, (x[rows],)), y[rows]).backward()
        inner.step()
    return {k: p.detach() - moving[k].detach() for k, p in trained.items()}


def _protonet(model: Any, tasks: Task) -> Tensor:
    """The loss of one pass over all tasks; with batch norm without averages, one pass per task."""
    rows = torch.cat([tasks.support.inputs, tasks.query.inputs], 1)
    apart = any(getattr(m, "track_running_stats", None) is False for m in model.modules())
    passes = [model.body(row) for row in rows] if apart else model.body(rows.flatten(0, 1))
    losses = []
    for i, features in enumerate(passes if apart else passes.chunk(TASKS)):
        labels, support = tasks.support.targets[i], features[: WAYS * SHOTS]
        centres = torch.stack([support[labels == c].mean(0) for c in range(WAYS)])
        gaps = features[WAYS * SHOTS :, None] - centres
        losses.append(F.cross_entropy(-(gaps**2).sum(-1), tasks.query.targets[i]))
    return torch.stack(losses).mean()
