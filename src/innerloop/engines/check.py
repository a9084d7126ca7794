"""Whether a learner's tasks may run side by side: compared once with one task at a time.

PyTorch runs nearly every layer under `vmap`, and most of them rightly. A user's own layers may be
of any kind, so the first batch decides: a few of its tasks are run in float64, one by one and side
by side, and their meta-gradients must agree to rounding.
"""

import warnings
from typing import NamedTuple

import torch
from torch import Tensor

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.engines import memory
from innerloop.engines.float64_copy import EmbeddingWatch, LearnerCopy, first_line, without_dropout
from innerloop.errors import UserError
from innerloop.tasks import Task

TASKS = 2  #: of the first batch that are compared


class Verdict(NamedTuple):
    """How a learner's tasks may run.

    Arguments:
        side_by_side: whether by `vmap` at all.
        each_task: whether every task must be differentiated by itself.
        why: what speaks against the faster way, in a few words.
        whole_batch: whether a batch must not be divided into chunks, because each forward pass
            changes a buffer of the model.
    """

    side_by_side: bool = True
    each_task: bool = False
    why: str = ""
    whole_batch: bool = False


def check(algorithm: Algorithm, tasks: Task, progress: Tensor) -> Verdict:
    """Compares the meta-gradients of the first tasks; changes nothing and draws no random numbers.

    Raises:
        UserError: if the learner cannot be differentiated even one task at a time.
    """
    devices = range(torch.cuda.device_count()) if progress.device.type == "cuda" else ()
    with (
        torch.inference_mode(False), torch.enable_grad(), torch.random.fork_rng(devices),
        torch.autocast(progress.device.type, enabled=False), warnings.catch_warnings(),
        without_dropout(algorithm),
    ):  # fmt: skip
        warnings.simplefilter("ignore")  # about rules that vmap lacks
        return _verdict(algorithm, task_tools.part(tasks, 0, TASKS), progress)


def _verdict(algorithm: Algorithm, tasks: Task, progress: Tensor) -> Verdict:
    exact = LearnerCopy(algorithm, tasks, progress, in_float64=True)
    try:
        with EmbeddingWatch() as embeddings:
            reference = exact.one_by_one()
    except Exception as error:  # of as many kinds as there are layers
        if memory.ran_out(error):
            return Verdict(False, why="memory does not suffice to check it")
        _must_run(algorithm, tasks, progress, error)
        return Verdict(False, why=f"it cannot be checked in float64 ({first_line(error)})")
    changed = exact.changed_buffers()
    if changed and not algorithm.embeds:
        raise UserError(_changes(algorithm, changed[0]))
    whole = bool(changed)
    if embeddings.padded:
        return Verdict(False, why="an embedding's padding row would be trained", whole_batch=whole)
    why = exact.disagreement(reference, each_task=False)
    if why is None:
        return Verdict(whole_batch=whole)
    divides = not (whole or algorithm.whole_batch)
    if divides and exact.disagreement(reference, each_task=True) is None:
        return Verdict(each_task=True, why=why)
    return Verdict(False, why=why, whole_batch=whole)


def _must_run(algorithm: Algorithm, tasks: Task, progress: Tensor, error: Exception) -> None:
    """Raises `UserError` if the learner does not run in its own precision either."""
    own = LearnerCopy(algorithm, tasks, progress, in_float64=False)
    try:
        own.one_by_one()
    except UserError:
        raise
    except Exception as again:
        raise UserError(_cannot(algorithm, own.changed_buffers(), again)) from error


def _cannot(algorithm: Algorithm, changed: list[str], error: Exception) -> str:
    if changed:
        return _changes(algorithm, changed[0])
    return (
        f"{type(algorithm).__name__} cannot differentiate this model: {first_line(error)}. Use "
        "layers that PyTorch can differentiate twice, or algorithm=fomaml, reptile or protonet, "
        "which differentiate once."
    )


def _changes(algorithm: Algorithm, buffer: str) -> str:
    return (
        f"{type(algorithm).__name__} cannot train this model: every pass through it changes "
        f"{buffer}, so that what a task learns would depend on the tasks before it. Use a layer "
        "without such a state (track_running_stats=False; weight_norm instead of spectral_norm)."
    )
