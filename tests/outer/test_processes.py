"""Several gloo processes compute the same meta-gradient as one, and score each task once."""

import copy
import functools
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch
from helpers import SmoothConv, close, tasks
from outer_loop import RATE, data_of, learner_of, trainer, wave_data
from torch import Tensor

from innerloop import tasks as task_tools
from innerloop.data.module import TaskData
from innerloop.data.source import TaskSource
from innerloop.outer.meta_learner import MetaLearner
from innerloop.tasks import Episode, Task

TOTAL = 8  # tasks of an outer step


class Numbered(TaskSource):
    """Classes of small images in float64, each task a function of its number."""

    def tasks(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        with torch.random.fork_rng():
            drawn = [_numbered(int(index), episode) for index in indices]
        return functools.reduce(lambda a, b: task_tools.concatenate(a, b, dim=0), drawn)

    def fingerprint(self, split: str) -> str:
        return "numbered"


def _numbered(index: int, episode: Episode) -> Task:
    torch.manual_seed(index)
    return tasks(1, *episode.numbers, shape=(1, 4, 4))


def task_data(name: str) -> TaskData:
    sizes = Episode(3, 2, 2)
    data = data_of(Numbered(), sizes, sizes) if name == "protonet" else wave_data()
    data.tasks = TOTAL
    return data


def learner(name: str) -> MetaLearner:
    body = SmoothConv("running") if name == "protonet" else None
    return learner_of(name, body, optimizer=lambda p: torch.optim.SGD(p, lr=RATE))


def gradient(learner: MetaLearner, ranks: int, folder: Path) -> tuple[list[Tensor], list[Tensor]]:
    """The meta-gradient of one outer step, computed from the step of plain SGD, and the buffers."""
    before = [p.detach().clone() for p in learner.parameters()]
    more = {"devices": ranks, "strategy": "ddp_fork"} if ranks > 1 else {}
    name = "protonet" if learner.algorithm.embeds else ""
    trainer(max_steps=1, default_root_dir=folder, **more).fit(learner, task_data(name))
    moved = zip(before, learner.parameters(), strict=True)
    return [(b - p.detach()) / RATE for b, p in moved], [*learner.buffers()]


@pytest.mark.parametrize("ranks", [2, 4])
@pytest.mark.parametrize("name", ["maml", "reptile", "protonet"])
def test_the_meta_gradient_does_not_depend_on_the_number_of_processes(
    name: str, ranks: int, tmp_path: Path
) -> None:
    alone = learner(name)
    shared = copy.deepcopy(alone)
    expected, buffers = gradient(alone, 1, tmp_path)
    actual, shared_buffers = gradient(shared, ranks, tmp_path)
    close(actual, expected, rtol=0.0, atol=1e-10)
    close(shared_buffers, buffers, rtol=0.0, atol=1e-10)
    assert max(slope.abs().max() for slope in expected) > 1e-3
    assert len(buffers) == (2 if name == "protonet" else 0)


@pytest.mark.parametrize("count", [7, 2, 3])
def test_each_evaluation_task_goes_to_one_process(count: int) -> None:
    dealt: list[int] = []
    for rank in range(2):
        data, device = wave_data(), torch.device("cpu")
        data.test_tasks, data.trainer = count, mock.Mock(world_size=2, global_rank=rank)
        data.trainer.strategy.root_device = device
        own = list(data.test_dataloader().batch_sampler)  # type: ignore[arg-type]
        assert len(own) >= data.common_batches("test") >= 1
        dealt += [number for batch in own for number in batch]
    assert sorted(dealt) == list(range(count))


def test_scores_of_uneven_shares_are_gathered_in_order(tmp_path: Path) -> None:
    """Seven tasks in batches of three over two processes have the scores of one, in order."""
    alone, shared = learner("maml"), learner("maml")
    shared.load_state_dict(alone.state_dict())
    file, list_of = tmp_path / "scores.pt", wave_data()
    trainer().test(alone, list_of, verbose=False)

    class Keeps(MetaLearner):
        def on_test_epoch_end(self) -> None:
            super().on_test_epoch_end()
            if self.trainer.is_global_zero:
                torch.save(self.test_scores.curve["mse"], file)

    shared.__class__ = Keeps
    both = trainer(devices=2, strategy="ddp_fork", default_root_dir=tmp_path)
    both.test(shared, wave_data(), verbose=False)
    assert torch.equal(torch.load(file), alone.test_scores.curve["mse"])
    assert len(alone.test_scores.curve["mse"].unique()) == alone.test_scores.curve["mse"].numel()
