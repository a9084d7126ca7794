"""Audits a learner: asks it disturbed test tasks, and stamps what its answers depended on.

Measured rather than declared: nothing here knows which algorithm it asks. What it asks holds no
label of a query, and every question is put to a copy of the learner as it was before, so that no
answer depends on an earlier question unless the question is about that.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from innerloop import tasks as task_tools
from innerloop.evaluation import disturbed, memory, stamps
from innerloop.evaluation.asked import Asked, few
from innerloop.objectives import Objective
from innerloop.tasks import Padded, Task

SEED = 20170403  # of the disturbances


def audit(
    asked: Asked,
    batches: Iterable[Task],
    reported: Tensor | None = None,
    shared_images: int | None = None,
) -> dict[str, Any]:
    """Stamps and the numbers behind them, see `innerloop.evaluation.stamps`.

    Arguments:
        batches: test tasks, as the learner was tested on.
        reported: `(T,)` headline scores of these tasks, as the test found them; not a number where
            `asked` is not from before the test, so that they cannot be checked.
        shared_images: how many images of the test are in the training too; None if not known.
    """
    algorithm, random = asked.algorithm, torch.Generator().manual_seed(SEED)
    training = algorithm.training
    algorithm.eval()
    exact = torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
    parts, earlier = [], None
    try:
        with torch.no_grad(), exact:
            for tasks in _equal_in_size(batches):
                parts.append(_measured(asked, tasks, earlier or tasks, random))
                earlier = tasks
    finally:
        algorithm.train(training)
    together = {name: torch.cat([part[name].cpu() for part in parts]) for name in parts[0]}
    if reported is not None:
        together["reported"] = reported
    higher_is_better = asked.objective.metric.higher_is_better
    return stamps.judged(together, higher_is_better, shared_images)


def _equal_in_size(batches: Iterable[Task]) -> Iterator[Task]:
    """The batches; tasks of unequal size one by one, without their padding."""
    for tasks in batches:
        if not isinstance(tasks.support.inputs, Padded):
            yield tasks
            continue
        for i in range(task_tools.count(tasks)):
            single = task_tools.only(task_tools.part(tasks, i, i + 1))
            yield task_tools.alone(task_tools.trimmed(single))


def _ways(objective: Objective, tasks: Task) -> int | None:
    """Classes of each of the tasks, which are equal in size; None where answers are not classes."""
    if objective.answers != "classes":
        return None
    if not isinstance(tasks.support.inputs, Padded):
        return objective.classes(False)
    return int(tasks.support.targets.max()) + 1


def _measured(
    asked: Asked, tasks: Task, earlier: Task, random: torch.Generator
) -> dict[str, Tensor]:
    """`(T,)` values of every question."""
    ways, labelled = _ways(asked.objective, tasks), asked.objective.answers is not None
    order = disturbed.orders(tasks.query, random)
    others = disturbed.rows(tasks.query, order)
    outputs, mixed, alone = asked.fresh().with_and_alone(tasks, others)
    shuffled = disturbed.labels_shuffled(tasks, random) if labelled else tasks
    used = asked.fresh()
    misled = used.answers(shuffled.support, [tasks.query], asked.step)[0]
    again = _in_reverse(used, tasks)
    sorted_back = mixed.gather(1, order.argsort(1)[..., None].expand_as(mixed))

    def changed(before: Tensor, after: Tensor) -> Tensor:
        return stamps.changed(before, after, ways is not None)

    def score(disturbed_tasks: Task, step: int = asked.step) -> Tensor:
        support, query = disturbed_tasks
        return asked.scores(asked.fresh().answers(support, [query], step)[0], query.targets)

    found = {
        "score": asked.scores(outputs, tasks.query.targets),
        "alone": changed(outputs[:, few(tasks)], alone),
        "queries": changed(outputs, sorted_back),
        "labels": changed(outputs, misled),
        "again": changed(outputs, again),
        "shuffled": asked.scores(misled, tasks.query.targets),
        "reordered": score(disturbed.support_reordered(tasks, random)),
        "images": memory.of_images(asked.algorithm, tasks),
    }
    if not labelled:  # nothing was shuffled
        del found["labels"], found["shuffled"]
    if found["again"].any():  # then the other questions of its first copy were not without effect
        found["score"] = score(tasks)
    found["memory"] = memory.of_other_tasks(asked, tasks, earlier, found["again"].cpu())
    if ways is None:
        return found
    # A learner without steps is not adapted as long as its support's labels say nothing.
    by_steps = asked.algorithm.adapts_by_steps
    before = score(tasks, step=0) if by_steps else found["shuffled"]
    renamed = score(disturbed.relabelled(tasks, ways, random))
    many = torch.full_like(found["score"], ways)
    return found | {"before": before, "relabelled": renamed, "ways": many}


def _in_reverse(asked: Asked, tasks: Task) -> Tensor:
    """Outputs for the tasks, asked in reverse order."""
    reverse: Task = tree_map(lambda x: x.flip(0), tasks)
    return asked.answers(reverse.support, [reverse.query], asked.step)[0].flip(0)
