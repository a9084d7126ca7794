"""The outer loop as Lightning runs it, against the same steps by hand, in float64."""

import copy
import functools
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import pytest
import torch
from helpers import SmoothConv, algorithm, choices, close
from torch import Tensor, nn

from innerloop.algorithms.algorithm import Algorithm
from innerloop.algorithms.meta_learner import MetaLearner
from innerloop.data.module import TaskData
from innerloop.data.sinusoid import Sinusoid
from innerloop.engines.engine import Engine
from innerloop.models.mlp import MLP
from innerloop.tasks import Episode, Examples, Task

RATE, STEPS, TASKS = 0.05, 4, 6
LEARNERS = [name for name in choices("algorithm") if name not in ("protonet", "no_op")]


class Waves(Sinusoid):
    """Sinusoids in float64, whose inputs may have the shape of an image."""

    def __init__(self, shape: tuple[int, ...] = (1,)) -> None:
        super().__init__()
        self.shape = shape

    def tasks(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        drawn = super().tasks(split, indices, episode, seed)
        places = torch.linspace(1.0, 2.0, int(np.prod(self.shape)), dtype=torch.float64)
        return Task(
            *[
                Examples((x.double() * places).unflatten(-1, self.shape), y.double())
                for x, y in drawn
            ]
        )


class Spy(Engine):
    """Notes what the outer loop asks of it."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[Task, float]] = []

    def meta_gradient(self, algorithm: Algorithm, tasks: Task, progress: Tensor) -> Any:
        self.seen.append((tasks, float(progress)))
        return super().meta_gradient(algorithm, tasks, progress)


def wave_data(shape: tuple[int, ...] = (1,)) -> TaskData:
    return TaskData(
        Waves(shape), Episode(1, 5, 5), Episode(1, 5, 10), steps=STEPS, tasks=TASKS,
        validation_tasks=7, test_tasks=7, batch=3, seed=0, evaluation_seed=1,
    )  # fmt: skip


def learner_of(name: str = "maml", body: nn.Module | None = None, **more: Any) -> MetaLearner:
    made = algorithm(name, MLP([1], [8]) if body is None else body, regression=True)
    settings: dict[str, Any] = {
        "optimizer": functools.partial(torch.optim.SGD, lr=RATE), "scheduler": None,
        "steps": STEPS, "clip": None, "scored_step": 1, "curve": 3, "log_every": 1,
    }  # fmt: skip
    return MetaLearner(made, Spy(), **settings | more)


def trainer(**more: Any) -> lightning.Trainer:
    settings = {"max_steps": STEPS, "limit_val_batches": 0, "devices": 1} | more
    return lightning.Trainer(
        accelerator="cpu", max_epochs=-1, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, use_distributed_sampler=False,
        **settings,
    )  # fmt: skip


def slopes(learner: Algorithm, batch: Task, now: float) -> list[Tensor]:
    loss = learner(batch, torch.tensor(now))
    return list(torch.autograd.grad(loss, list(learner.parameters())))


def by_hand(learner: Algorithm, data: TaskData, clip: float = 1e9, decay: float = 0.0) -> None:
    """The whole training as one loop of SGD, without Lightning."""
    for step in range(STEPS):
        gradient = slopes(learner, data.training_batch(step), step / STEPS)
        norm = float(torch.cat([g.flatten() for g in gradient]).norm())
        shrink, rate = min(1.0, clip / (norm + 1e-6)), RATE * (1 - decay * step / STEPS)
        with torch.no_grad():
            for p, g in zip(learner.parameters(), gradient, strict=True):
                p -= rate * shrink * g


def linear_decay(optimizer: torch.optim.Optimizer) -> Any:
    return torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=STEPS)


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("variant", ["plain", "clipped", "scheduled"])
def test_training_equals_sgd_by_hand(name: str, variant: str) -> None:
    more = {"clipped": {"clip": 0.01}, "scheduled": {"scheduler": linear_decay}}.get(variant, {})
    learner, data = learner_of(name, **more), wave_data()
    start, twin = copy.deepcopy(learner.algorithm), copy.deepcopy(learner.algorithm)
    run = trainer()
    run.fit(learner, data)
    by_hand(twin, data, clip=0.01 if more.get("clip") else 1e9, decay="scheduler" in more)
    assert run.global_step == STEPS
    for (key, found), expected, before in zip(
        learner.algorithm.named_parameters(), twin.parameters(), start.parameters(), strict=True
    ):
        close(found.detach(), expected.detach())
        assert (expected - before).abs().max() > 1e-6, key


def test_clipping_limits_the_whole_norm_only_when_it_is_larger() -> None:
    data = wave_data()
    for clip, factor in ((0.01, None), (1e6, 1.0)):
        learner = learner_of(clip=clip)
        start = [p.detach().clone() for p in learner.algorithm.parameters()]
        gradient = slopes(learner.algorithm, data.training_batch(0), 0.0)
        size = torch.cat([g.flatten() for g in gradient]).norm()
        assert size > 0.02
        trainer(max_steps=1).fit(learner, data)
        moves = torch.cat([
            (a - b).flatten() for a, b in zip(start, learner.algorithm.parameters(), strict=True)
        ]).detach()  # fmt: skip
        expected = RATE * clip if factor is None else RATE * size
        assert float(moves.norm()) == pytest.approx(float(expected), rel=1e-3)


def test_each_outer_step_has_its_own_tasks_and_progress() -> None:
    learner, data = learner_of(), wave_data()
    trainer().fit(learner, data)
    assert isinstance(learner.engine, Spy)
    assert [now for _, now in learner.engine.seen] == [0.0, 0.25, 0.5, 0.75]
    for step, (batch, _) in enumerate(learner.engine.seen):
        close(batch, data.training_batch(step))
    first, second = (batch.support.targets for batch, _ in learner.engine.seen[:2])
    assert first.shape == (TASKS, 5, 1) and (first - second).abs().min() > 0
    assert float(learner.progress(10 * STEPS)) == 1.0


def test_the_schedule_moves_with_every_outer_step() -> None:
    rates: list[float] = []

    class Watch(lightning.Callback):
        def on_train_batch_start(self, trainer: Any, module: Any, *_: Any) -> None:
            rates.append(trainer.optimizers[0].param_groups[0]["lr"])

    learner = learner_of(scheduler=linear_decay)
    run = trainer(callbacks=[Watch()])
    run.fit(learner, wave_data())
    assert rates == pytest.approx([RATE * k for k in (1, 0.75, 0.5, 0.25)])
    assert run.optimizers[0].param_groups[0]["lr"] == pytest.approx(0.0)


@pytest.mark.parametrize("name", ["maml", "anil", "reptile"])
def test_scores_of_validation_and_test_are_means_over_their_lists(name: str) -> None:
    learner, data = learner_of(name), wave_data()
    made, run = learner.algorithm.eval(), trainer(limit_val_batches=1.0, inference_mode=False)
    now, episode = torch.tensor(0.0), data.test_episode
    for split in ("val", "test"):
        batch = data.source.tasks(split, np.arange(7), episode, 1)
        curve = made.scores(batch, 3, now)["mse"].detach()
        call = run.validate if split == "val" else run.test
        (found,) = call(learner, data, verbose=False)
        assert found[f"{split}/mse"] == pytest.approx(float(curve[:, 1].mean()), rel=1e-6)
        assert curve[:, 1].std() > 0.01 and curve.shape == (7, 4)
    close(learner.test_scores["mse"], curve)


def test_running_averages_follow_an_outer_step() -> None:
    """Support and query of all tasks are one batch of torch's own layer."""
    learner, data = learner_of("maml", SmoothConv("running")), wave_data((1, 4, 4))
    body = learner.algorithm.model.body
    twin = nn.Sequential(copy.deepcopy(body.layers[0]), nn.BatchNorm2d(3).double())
    batch = data.training_batch(0)
    twin(torch.cat([batch.support.inputs, batch.query.inputs], 1).flatten(0, 1))
    trainer(max_steps=1).fit(learner, data)
    close(body.layers[1].running_mean, twin[1].running_mean)
    close(body.layers[1].running_var, twin[1].running_var)
    assert twin[1].running_mean.abs().min() > 1e-4


@pytest.mark.parametrize("name", ["maml", "meta_sgd"])
def test_two_processes_learn_what_one_does(name: str, tmp_path: Path) -> None:
    alone = learner_of(name, clip=0.05)
    shared = copy.deepcopy(alone)
    before = [p.detach().clone() for p in alone.parameters()]
    trainer().fit(alone, wave_data())
    both = trainer(devices=2, strategy="ddp_fork", default_root_dir=tmp_path)
    both.fit(shared, wave_data())
    trained = zip(shared.parameters(), alone.parameters(), before, strict=True)
    for found, expected, start in trained:
        close(found.detach(), expected.detach())
        assert (expected - start).abs().max() > 1e-6
