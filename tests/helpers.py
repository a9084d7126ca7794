"""Builders for tests: small models in float64, tasks, and algorithms from their configuration."""

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from hydra import compose, initialize_config_dir
from hydra.utils import get_class, instantiate
from omegaconf import DictConfig, OmegaConf
from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.evaluation.measured import Measured, TestScores
from innerloop.layers.norm import TaskNorm
from innerloop.models.network import Network
from innerloop.objectives import Classification, Objective, Regression
from innerloop.startup import resolvers
from innerloop.tasks import Examples, Task

ROOT = Path(__file__).resolve().parents[1]
CONF = ROOT / "conf"
NOW = torch.tensor(0.5, dtype=torch.float64)  # progress: half of the training
LEARN2LEARN = ("maml", "fomaml", "meta_sgd")  # the algorithms that learn2learn has


def choices(group: str) -> list[str]:
    """The choices of a config group: its files."""
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def config(*overrides: str, name: str = "train") -> DictConfig:
    """A composed configuration, as in a job."""
    resolvers.register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        composed = compose(name, list(overrides), return_hydra_config=True)
    picked = composed.hydra.runtime.choices
    composed.paths.run = "somewhere"  # known only in a job
    for key in ("algorithm", "dataset", "model", "experiment"):
        composed.names[key] = picked[key]
    return composed


class SmoothBody(nn.Module):
    """Two tanh layers: smooth, so that finite differences converge."""

    def __init__(self, inputs: int = 3, width: int = 4) -> None:
        super().__init__()
        self.width = width
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(inputs, 5), nn.Tanh(), nn.Linear(5, width), nn.Tanh()
        )

    def forward(self, inputs: Tensor) -> Tensor:
        return self.layers(inputs)


class SmoothConv(nn.Module):
    """A convolution, batch norm and tanh."""

    def __init__(self, norm: str, width: int = 3) -> None:
        super().__init__()
        self.width = width
        self.layers = nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1), TaskNorm(width, norm), nn.Tanh()
        )

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images).mean((-2, -1))


class MapBody(nn.Module):
    """A smooth body whose features are flattened maps of 2 channels and 2 x 3 places."""

    width, map_shape = 12, (2, 2, 3)

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 12)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.layer(inputs).tanh()


def tasks(
    count: int = 3, ways: int = 3, shots: int = 2, queries: int = 2, shape: Sequence[int] = (3,)
) -> Task:
    """Random classification tasks in float64 whose classes are shifted apart."""

    def examples(each: int) -> Examples:
        targets = torch.stack([torch.randperm(ways * each) % ways for _ in range(count)])
        noise = torch.randn(count, ways * each, *shape, dtype=torch.float64)
        return Examples(noise + targets.view(count, -1, *[1] * len(shape)), targets)

    return Task(examples(shots), examples(queries))


def waves(count: int = 3, shots: int = 4, queries: int = 3) -> Task:
    """Random regression tasks in float64."""

    def examples(n: int) -> Examples:
        x = torch.randn(count, n, 3, dtype=torch.float64)
        return Examples(x, torch.sin(x.sum(-1, keepdim=True)))

    return Task(examples(shots), examples(queries))


def algorithm(
    name: str, body: nn.Module | None = None, ways: int = 3, regression: bool = False, *more: str
) -> Algorithm:
    """The algorithm of `conf/algorithm/NAME.yaml` around a small body, in float64."""
    objective: Any = Regression() if regression else Classification(ways, ways)
    model = Network(SmoothBody() if body is None else body, objective.width)
    return algorithm_around(model, objective, name, *more)


def algorithm_around(model: nn.Module, objective: Objective, name: str, *more: str) -> Algorithm:
    """The algorithm of `conf/algorithm/NAME.yaml` around a model, in float64."""
    return instantiate(_section(name, *more), model=model, objective=objective).double()


def smooth(learner: Algorithm) -> Algorithm:
    """The learner with Softplus for each ReLU: finite differences need a derivative everywhere."""
    for parent in list(learner.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.ReLU):
                setattr(parent, name, nn.Softplus())
    return learner


def kind(name: str) -> type[Algorithm]:
    """The class of `conf/algorithm/NAME.yaml`."""
    return get_class(_section(name)["_target_"])


def learners(needs: str = "examples") -> list[str]:
    """The choices of `conf/algorithm` that learn from this kind of tasks, if they are installed."""
    fitting = [name for name in choices("algorithm") if kind(name).needs == needs]
    return [name for name in fitting if not kind(name).package or find_spec(kind(name).package)]


def algorithms_that(fit: Callable[[Algorithm], bool]) -> list[str]:
    """The learners from examples that a condition on their class attributes selects."""
    return [name for name in learners() if fit(algorithm(name))]


def reads_in_context(name: str) -> bool:
    """Whether an algorithm learns to use a support, and cannot before it was trained."""
    rooms = ("in_context", "synthesis")  # the networks of both read the support as a sequence
    return type(algorithm(name)).__module__.split(".")[-2] in rooms


def data_for(name: str, dataset: str) -> list[str]:
    """Overrides that choose a data set, with a number of classes where an algorithm needs one."""
    counts = dataset == "glyphs" and algorithm(name).trains_on_batches
    return [f"dataset={dataset}", *(["dataset.classes={train: 9}"] if counts else [])]


UPDATES = 50  # at most, of a learner that optimises for each task


@functools.cache
def _section(name: str, *more: str) -> dict[str, Any]:
    brings_its_own = "inner" in OmegaConf.load(CONF / "algorithm" / f"{name}.yaml")
    inner = [] if brings_its_own else ["inner.rate=0.1", "inner.steps=2"]
    composed = config(f"algorithm={name}", "dataset=glyphs", *inner, *more)
    section: Any = OmegaConf.to_container(composed.algorithm, resolve=True)
    if "updates" in section:  # of an optimisation that every task asks for
        section["updates"] = min(section["updates"], UPDATES)
    return section


def scores_with_curve(curve: dict[str, Tensor], scored_step: int) -> TestScores:
    """The scores of a test that has the curve `(tasks, steps + 1)` of all its tasks."""
    scored = {name: Measured(values[:, scored_step]) for name, values in curve.items()}
    return TestScores(scored, {name: Measured(values) for name, values in curve.items()})


def run(learner: Algorithm, batch: Task) -> tuple[Tensor, dict[str, Tensor]]:
    """The meta-loss and its gradient by plain autograd."""
    loss = learner(batch, NOW)
    named = dict(learner.named_parameters())
    slopes = torch.autograd.grad(loss, list(named.values()), allow_unused=True)
    zeros = [
        torch.zeros_like(p) if g is None else g for p, g in zip(named.values(), slopes, strict=True)
    ]
    return loss.detach(), dict(zip(named, zeros, strict=True))


@contextmanager
def moved(learner: nn.Module, direction: dict[str, Tensor], by: float) -> Iterator[None]:
    """While open, the parameters are moved by `by` along a direction."""
    with torch.no_grad():
        for name, p in learner.named_parameters():
            p += by * direction[name]
    yield
    with torch.no_grad():
        for name, p in learner.named_parameters():
            p -= by * direction[name]


def slope(learner: Algorithm, batch: Task, direction: dict[str, Tensor], by: float = 1e-5) -> float:
    """The directional derivative of the meta-loss by central differences."""
    with moved(learner, direction, by):
        above = float(learner(batch, NOW).detach())
    with moved(learner, direction, -by):
        below = float(learner(batch, NOW).detach())
    return (above - below) / (2 * by)


def direction(learner: nn.Module) -> dict[str, Tensor]:
    """A random direction in the space of the parameters."""
    return {name: torch.randn_like(p) for name, p in learner.named_parameters()}


def along(gradient: dict[str, Tensor], way: dict[str, Tensor]) -> float:
    """The derivative in a direction, computed from a gradient."""
    return float(sum((gradient[name] * way[name]).sum() for name in way))


def answers(learner: Algorithm, batch: Task, steps: int = 2) -> Tensor:
    """The outputs for the queries of a batch's only task, after the last inner step."""
    task = task_tools.only(learner.embed(batch))
    *_, adapted = learner.adapt(task.support, steps, NOW)
    return learner.predict(adapted, task.query.inputs).detach()


def close(actual: Any, expected: Any, rtol: float = 1e-10, atol: float = 1e-12) -> None:
    """Asserts that two tensors, or two dicts of them, agree to the accuracy of float64."""
    torch.testing.assert_close(actual, expected, rtol=rtol, atol=atol, check_dtype=False)
