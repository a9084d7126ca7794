"""The outer loop on plain batches: running averages, resuming, and sharing between processes."""

import copy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from helpers import SmoothConv, close
from outer_loop import STEPS, TASKS, Spy, learner_of, plain_data, trainer
from torch import nn

from innerloop.callbacks.checkpoint_file import AtomicCheckpointIO
from innerloop.errors import UserError
from innerloop.outer.meta_learner import MetaLearner


def classifier() -> MetaLearner:
    return learner_of("baseline", SmoothConv("running"))


def test_running_averages_follow_each_step_once() -> None:
    learner, data = classifier(), plain_data()
    body = learner.algorithm.model.body
    twin = nn.Sequential(copy.deepcopy(body.layers[0]), nn.BatchNorm2d(3).double())
    batch = data.on_after_batch_transfer(data.training_batch(0), 0)
    twin(batch.query.inputs.flatten(0, 1))
    trainer(max_steps=1).fit(learner, data)
    close(body.layers[1].running_mean, twin[1].running_mean)
    close(body.layers[1].running_var, twin[1].running_var)
    assert twin[1].running_mean.abs().min() > 1e-4


def test_each_outer_step_has_its_own_batches() -> None:
    learner, data = classifier(), plain_data(size=5)
    trainer().fit(learner, data)
    assert isinstance(learner.engine, Spy)
    assert len(learner.engine.seen) == STEPS
    for step, (batch, _) in enumerate(learner.engine.seen):
        assert batch.support.targets.shape == (TASKS, 0) and batch.query.targets.shape == (TASKS, 5)
        close(batch, data.on_after_batch_transfer(data.training_batch(step), 0))
    labels = torch.cat([batch.query.targets.flatten() for batch, _ in learner.engine.seen])
    for epoch in labels.reshape(-1, 3):
        assert epoch.sort().values.tolist() == [0, 1, 2]


def test_a_resumed_training_equals_one_that_never_stopped(tmp_path: Path) -> None:
    whole, parts, files = classifier(), classifier(), [AtomicCheckpointIO()]
    parts.load_state_dict(whole.state_dict())
    start = {k: v.clone() for k, v in whole.state_dict().items()}
    trainer().fit(whole, plain_data())
    first = trainer(max_steps=2, plugins=files, default_root_dir=tmp_path)
    first.fit(parts, plain_data())
    first.save_checkpoint(tmp_path / "half.ckpt")
    resumed = classifier()
    again = trainer(plugins=files, default_root_dir=tmp_path)
    again.fit(resumed, plain_data(), ckpt_path=tmp_path / "half.ckpt", weights_only=True)
    close(dict(resumed.state_dict()), dict(whole.state_dict()))
    assert any((start[k] - v).abs().max() > 1e-4 for k, v in whole.state_dict().items())


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_processes_share_each_batch(ranks: int) -> None:
    whole = plain_data().training_batch(3).query
    shares = []
    for rank in range(ranks):
        data = plain_data()
        trainer: Any = SimpleNamespace(world_size=ranks, global_rank=rank)
        data.trainer = trainer
        shares.append(data.training_batch(3).query)
    close(torch.cat([share.targets for share in shares], 1), whole.targets)
    close(torch.cat([share.inputs for share in shares], 1), whole.inputs)


def test_a_batch_that_cannot_be_shared_is_refused() -> None:
    data = plain_data(size=5)
    trainer: Any = SimpleNamespace(world_size=2, global_rank=0)
    data.trainer = trainer
    with pytest.raises(UserError, match="training.size=5 cannot be shared evenly by 2 processes"):
        data.training_indices(0)


def test_two_processes_learn_the_same_as_one(tmp_path: Path) -> None:
    alone = classifier()
    shared = copy.deepcopy(alone)
    before = {k: v.clone() for k, v in alone.state_dict().items()}
    trainer().fit(alone, plain_data())
    both = trainer(devices=2, strategy="ddp_fork", default_root_dir=tmp_path)
    both.fit(shared, plain_data())
    close(dict(shared.state_dict()), dict(alone.state_dict()))
    assert all((before[k] - v).abs().max() > 1e-6 for k, v in alone.state_dict().items()
               if not k.endswith("layers.0.bias"))  # fmt: skip
