"""Runs outer steps again from a good state, task by task, to find the first that is not finite."""

import copy
from typing import NamedTuple, Self

import lightning
import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from innerloop import tasks as task_tools
from innerloop.callbacks.hooks import data_of
from innerloop.outer.meta_learner import MetaLearner
from innerloop.tasks import Task


class State(NamedTuple):
    """Learner, outer optimizer and schedule after some outer steps."""

    step: int  #: outer steps done
    weights: dict[str, Tensor]
    moving: list[dict[str, object]]  #: of the optimizer, and of the schedule if there is one

    @classmethod
    def of(cls, learner: MetaLearner) -> Self:
        """A copy of the present state."""
        weights = {name: value.detach().clone() for name, value in learner.state_dict().items()}
        moving = copy.deepcopy([part.state_dict() for part in _moving(learner)])
        return cls(learner.global_step, weights, moving)

    def restore(self, learner: MetaLearner) -> None:
        """Puts a learner, its optimizer and its schedule into this state."""
        learner.load_state_dict(self.weights)
        for part, state in zip(_moving(learner), self.moving, strict=True):
            part.load_state_dict(copy.deepcopy(state))


class Failure(NamedTuple):
    """The first outer step that is not finite."""

    step: int
    tasks: list[int]  #: the indices of the training tasks that are not finite; empty if all are
    total: int  #: the number of its tasks


def find(trainer: lightning.Trainer, learner: MetaLearner, good: State) -> Failure:
    """Finds the outer step that fails between a good state and the present; leaves it undone.

    If every task is finite on its own, the failure is at the present step, without tasks.
    """
    reached, data = learner.global_step, data_of(trainer)
    good.restore(learner)
    for step in range(good.step, reached):
        raw = learner.transfer_batch_to_device(data.training_batch(step), learner.device, 0)
        tasks = data.on_after_batch_transfer(raw, 0)
        indices = data.training_indices(step)
        own = [indices[place] for place in _diverging(learner, tasks, step)]
        if failing := _of_all_processes(trainer, own):
            return Failure(step, failing, len(indices) * trainer.world_size)
        learner.outer_step(tasks, step)
    return Failure(reached, [], 0)


def all_finite(*tensors: Tensor) -> bool:
    """Whether all elements of all tensors are finite; waits for the device."""
    return bool(torch.stack([torch.isfinite(t.detach()).all() for t in tensors]).all())


def _moving(learner: MetaLearner) -> list[Optimizer | LRScheduler]:
    """The outer optimizer, and the schedule if there is one."""
    optimizer, schedule = learner.outer_optimizer.optimizer, learner.lr_schedulers()
    return [optimizer] if schedule is None else [optimizer, schedule]  # type: ignore[list-item]


def _diverging(learner: MetaLearner, tasks: Task, step: int) -> list[int]:
    """Positions of the tasks whose loss or meta-gradient is not finite."""
    places = []
    for place in range(task_tools.count(tasks)):
        task = task_tools.part(tasks, place, place + 1)
        progress = learner.progress(step)
        loss, gradient = learner.engine.meta_gradient(learner.algorithm, task, progress)
        if not all_finite(loss, *gradient.values()):
            places.append(place)
    return places


def _of_all_processes(trainer: lightning.Trainer, own: list[int]) -> list[int]:
    """The numbers of all processes together."""
    if trainer.world_size == 1:
        return own
    shares = [own] * trainer.world_size
    torch.distributed.all_gather_object(shares, own)
    return sorted(number for share in shares for number in share)
