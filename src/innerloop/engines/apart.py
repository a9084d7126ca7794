"""Tasks that run one by one on a CPU, each on a core of its own."""

import copy
from collections.abc import Callable, Sequence
from typing import TypeVar
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from innerloop.algorithms.algorithm import Algorithm
from innerloop.engines.known import unknown
from innerloop.layers import attention
from innerloop.machine import threads

Result = TypeVar("Result")
Job = Callable[[Algorithm], Result]  #: work on some of the tasks, with a copy of the learner


class Apart:
    """Deals jobs to as many threads as PyTorch may use.

    Operations on images are long enough that Python, of which one thread runs at a time, is no
    obstacle; those of small networks are not. The first time, jobs run in turn, to see whether
    the learner draws random numbers: those of several threads would come in no fixed order.
    """

    def __init__(self) -> None:
        self._steady: WeakKeyDictionary[Algorithm, dict[bool, bool]] = WeakKeyDictionary()

    def run(self, algorithm: Algorithm, jobs: Sequence[Job[Result]]) -> list[Result]:
        """What each job returns, in their order."""
        cores = min(self.cores(algorithm, algorithm.training), len(jobs))
        if cores > 1:
            with attention.differentiable_twice():  # a switch of all threads together
                return threads.deal([_own(algorithm, job) for job in jobs], cores)
        before = torch.get_rng_state()
        results = [job(algorithm) for job in jobs]
        steady = torch.equal(before, torch.get_rng_state())
        self._steady.setdefault(algorithm, {})[algorithm.training] = steady
        return results

    def cores(self, algorithm: Algorithm, training: bool) -> int:
        """Threads that jobs are dealt to, with the learner in a mode."""
        steady = self._steady.get(algorithm, {}).get(training, False)
        return torch.get_num_threads() if steady else 1


def suits(algorithm: Algorithm, device: torch.device) -> bool:
    """Whether the tasks of a learner may run in several threads, and gain by it."""
    images = any(isinstance(m, nn.Conv1d | nn.Conv2d | nn.Conv3d) for m in algorithm.modules())
    return device.type == "cpu" and images and not (algorithm.one_by_one or unknown(algorithm))


def _own(algorithm: Algorithm, job: Job[Result]) -> Callable[[], Result]:
    """The job with a copy of the learner that has the same tensors."""
    tensors: list[Tensor] = [*algorithm.parameters(), *algorithm.buffers()]
    own = copy.deepcopy(algorithm, {id(tensor): tensor for tensor in tensors})
    return lambda: job(own)
