"""The outer loop run by Lightning, against the same steps by hand, in float64."""

import copy
import functools
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import pytest
import torch
from helpers import SmoothConv, algorithm, close, learners, reads_in_context
from outer_loop import RATE, STEPS, TASKS, Spy, blob_data, learner_of, trainer, wave_data
from torch import Tensor, nn

from innerloop.algorithms.algorithm import Algorithm
from innerloop.data.module import TaskData
from innerloop.tasks import Task

LEARNERS = [n for n in learners() if n != "no_op" and not algorithm(n).needs_classes]


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
    for (key, actual), expected, before in zip(
        learner.algorithm.named_parameters(), twin.parameters(), start.parameters(), strict=True
    ):
        close(actual.detach(), expected.detach())
        moved = (expected - before).abs().max()
        # Attention that nothing has taught yet is nearly uniform: its weights hardly move.
        assert moved > (0 if reads_in_context(name) else 1e-7), key


@pytest.mark.parametrize("clip", [0.01, 1e6, None])
def test_clipping_limits_the_norm_over_all_parameters(clip: float | None) -> None:
    learner, data = learner_of(clip=clip), wave_data()
    start = nn.utils.parameters_to_vector(learner.parameters()).detach()
    gradient = slopes(learner.algorithm, data.training_batch(0), 0.0)
    size = float(torch.cat([g.flatten() for g in gradient]).norm())
    trainer(max_steps=1).fit(learner, data)
    moved = nn.utils.parameters_to_vector(learner.parameters()).detach() - start
    assert 0.02 < size < 1e3
    assert float(learner.gradient_norm) == pytest.approx(size, rel=1e-6)  # the norm before clipping
    assert float(moved.norm()) == pytest.approx(RATE * min(clip or size, size), rel=1e-4)


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
def test_validation_and_test_scores_are_means_over_their_task_lists(name: str) -> None:
    learner, data = learner_of(name), wave_data()
    model, run = learner.algorithm.eval(), trainer(limit_val_batches=1.0, inference_mode=False)
    now, episode = torch.tensor(0.0), data.test_episode
    for split in ("val", "test"):
        batch = data.source.tasks(split, np.arange(7), episode, 1)
        curve = model.scores(batch, 3, now)["mse"].detach()
        call = run.validate if split == "val" else run.test
        (metrics,) = call(learner, data, verbose=False)
        assert metrics[f"{split}/mse"] == pytest.approx(float(curve[:, 1].mean()), rel=1e-6)
        assert curve[:, 1].std() > 0.01 and curve.shape == (7, 4)
    close(learner.test_scores.curve["mse"], curve)
    close(learner.test_scores.scored["mse"], curve[:, 1])


@pytest.mark.parametrize("name", ["maml", "protonet"])
def test_the_curve_is_of_the_first_tasks_alone(name: str) -> None:
    """Batches of three tasks: those from the second on are scored once."""
    body, data = (None, wave_data()) if name == "maml" else (SmoothConv("support"), blob_data())
    learner, whole = learner_of(name, body, curve_tasks=3), learner_of(name, body)
    whole.load_state_dict(learner.state_dict())
    for one in (learner, whole):
        trainer(inference_mode=False).test(one, data, verbose=False)
    metric = learner.algorithm.objective.metric.name
    close(learner.test_scores.scored[metric], whole.test_scores.scored[metric])
    close(learner.test_scores.curve[metric], whole.test_scores.curve[metric][:3])


@pytest.mark.parametrize("name", ["maml", "protonet", "reptile"])
def test_running_averages_follow_an_outer_step(name: str) -> None:
    """The averages equal those of torch's layer on one batch of all supports and queries."""
    learner, data = learner_of(name, SmoothConv("running")), blob_data()
    body = learner.algorithm.model.body
    twin = nn.Sequential(copy.deepcopy(body.layers[0]), nn.BatchNorm2d(3).double())
    batch = data.training_batch(0)
    twin(torch.cat([batch.support.inputs, batch.query.inputs], 1).flatten(0, 1))
    trainer(max_steps=1).fit(learner, data)
    close(body.layers[1].running_mean, twin[1].running_mean)
    close(body.layers[1].running_var, twin[1].running_var)
    assert twin[1].running_mean.abs().min() > 1e-4


@pytest.mark.parametrize("name", ["maml", "meta_sgd"])
def test_two_processes_learn_the_same_as_one(name: str, tmp_path: Path) -> None:
    alone = learner_of(name, clip=0.05)
    shared = copy.deepcopy(alone)
    before = [p.detach().clone() for p in alone.parameters()]
    trainer().fit(alone, wave_data())
    both = trainer(devices=2, strategy="ddp_fork", default_root_dir=tmp_path)
    both.fit(shared, wave_data())
    trained = zip(shared.parameters(), alone.parameters(), before, strict=True)
    for actual, expected, start in trained:
        close(actual.detach(), expected.detach())
        assert (expected - start).abs().max() > 1e-6


def test_a_test_uses_the_progress_of_its_checkpoint(tmp_path: Path) -> None:
    learner, data = learner_of(), wave_data()
    run = trainer(default_root_dir=tmp_path)
    run.fit(learner, data)
    run.save_checkpoint(tmp_path / "end.ckpt", weights_only=False)
    seen: list[float] = []

    class Asks(Spy):
        def scores(
            self, algorithm: Algorithm, tasks: Task, steps: int, progress: Tensor, at: Any = None
        ) -> Any:
            seen.append(float(progress))
            return super().scores(algorithm, tasks, steps, progress, at)

    for used in (run, trainer(default_root_dir=tmp_path)):
        fresh = learner_of()
        fresh.engine = Asks()
        used.test(fresh, data, ckpt_path=tmp_path / "end.ckpt", weights_only=True, verbose=False)
    assert set(seen) == {1.0}


@pytest.mark.parametrize("spread", ["transposed", "expanded"])
def test_a_gradient_may_have_another_memory_layout_than_its_parameter(spread: str) -> None:
    learner = learner_of("maml", optimizer=functools.partial(torch.optim.Adam, lr=0.1))
    torch.manual_seed(0)
    with torch.no_grad():
        drawn = {k: torch.randn_like(p) for k, p in learner.algorithm.named_parameters()}
    given = {
        k: g.t().contiguous().t() if spread == "transposed" else g.flatten()[0].expand(g.shape)
        for k, g in drawn.items()
    }
    twin = copy.deepcopy(learner.algorithm)
    reference = torch.optim.Adam(twin.parameters(), lr=0.1, foreach=False, fused=False)
    for key, parameter in twin.named_parameters():
        parameter.grad = given[key].contiguous()
    reference.step()
    learner.engine.meta_gradient = lambda *_: (torch.zeros(()), given)  # type: ignore[method-assign]
    trainer(max_steps=1).fit(learner, wave_data())
    for actual, expected in zip(learner.algorithm.parameters(), twin.parameters(), strict=True):
        close(actual.detach(), expected.detach())


@pytest.mark.parametrize("end", ["on_validation_epoch_end", "on_test_epoch_end"])
def test_means_are_logged_on_the_device_of_the_process(
    end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lightning reduces them over the processes, and NCCL reduces nothing on a CPU."""
    learner, logged = learner_of(), {}
    learner._evaluation.add({"loss": torch.ones(2)}, place=0)
    monkeypatch.setattr(type(learner), "device", torch.device("meta"))
    monkeypatch.setattr(learner, "log", lambda name, value, **_: logged.update({name: value}))
    getattr(learner, end)()
    assert [value.device.type for value in logged.values()] == ["meta"]
