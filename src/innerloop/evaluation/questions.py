"""The questions of an audit: what a learner answers for disturbed tasks.

Every question is put to a fresh copy of the learner, so that no answer depends on an earlier
question unless the question is about memory.
"""

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from innerloop.evaluation import disturbed, memory
from innerloop.evaluation.audited_learner import AuditedLearner, rows_asked_alone
from innerloop.objectives import Objective
from innerloop.tasks import Padded, Task


def measure(
    learner: AuditedLearner, tasks: Task, earlier: Task, random: torch.Generator
) -> dict[str, Tensor]:
    """`(T,)` values of every question by name: scores, and flags that are 1 where answers change.

    Arguments:
        tasks: a batch of tasks that are equal in size.
        earlier: other tasks, for the question whether the learner remembers; may be `tasks`.
        random: draws the disturbances.
    """
    outputs, values = _about_queries(learner, tasks, random)
    values |= _about_support(learner, tasks, outputs, random)
    if values["again"].any():  # then the other questions may have affected its first copy
        values["score"] = _score(learner, tasks)
    values["memory"] = memory.of_other_tasks(learner, tasks, earlier, values["again"].cpu())
    if (ways := _ways(learner.objective, tasks)) is not None:
        values["before"] = _before(learner, tasks, values["shuffled"], random)
        values["relabelled"] = _score(learner, disturbed.relabelled(tasks, ways, random))
        values["ways"] = torch.full_like(values["score"], ways)
    return values


def _before(
    learner: AuditedLearner, tasks: Task, shuffled: Tensor, random: torch.Generator
) -> Tensor:
    """The score before adapting, `(T,)`: before the first step, and with labels of the support that
    say nothing, as some learners start from their support and others take no steps.

    Arguments:
        shuffled: the scores after the last step with such labels.
    """
    if not learner.algorithm.adapts_by_steps:
        return shuffled
    return _score(learner, disturbed.labels_shuffled(tasks, random), step=0)


def _about_queries(
    learner: AuditedLearner, tasks: Task, random: torch.Generator
) -> tuple[Tensor, dict[str, Tensor]]:
    """The outputs, and whether they change for single queries and in another order."""
    order = disturbed.orders(tasks.query, random)
    reordered = disturbed.rows(tasks.query, order)
    outputs, of_reordered, alone = learner.fresh().with_and_alone(tasks, reordered)
    restored = of_reordered.gather(1, order.argsort(1)[..., None].expand_as(of_reordered))
    return outputs, {
        "score": learner.scores(outputs, tasks.query.targets),
        "alone": learner.changed(outputs[:, rows_asked_alone(tasks)], alone),
        "queries": learner.changed(outputs, restored),
    }


def _about_support(
    learner: AuditedLearner, tasks: Task, outputs: Tensor, random: torch.Generator
) -> dict[str, Tensor]:
    """Whether labels of the support matter, its order, and what was asked before."""
    labelled = learner.objective.answers is not None
    shuffled = disturbed.labels_shuffled(tasks, random) if labelled else tasks
    used = learner.fresh()
    misled = used.answers(shuffled.support, [tasks.query], learner.step)[0]
    values = {
        "again": learner.changed(outputs, _in_reverse(used, tasks)),
        "reordered": _score(learner, disturbed.support_reordered(tasks, random)),
        "images": memory.of_images(learner.algorithm, tasks),
    }
    if labelled:
        values["labels"] = learner.changed(outputs, misled)
        values["shuffled"] = learner.scores(misled, tasks.query.targets)
    return values


def _score(learner: AuditedLearner, tasks: Task, step: int | None = None) -> Tensor:
    """The headline metric of a fresh copy, `(T,)`."""
    step = learner.step if step is None else step
    outputs = learner.fresh().answers(tasks.support, [tasks.query], step)[0]
    return learner.scores(outputs, tasks.query.targets)


def _in_reverse(learner: AuditedLearner, tasks: Task) -> Tensor:
    """Outputs for the tasks, asked in reverse order."""
    reverse: Task = tree_map(lambda x: x.flip(0), tasks)
    return learner.answers(reverse.support, [reverse.query], learner.step)[0].flip(0)


def _ways(objective: Objective, tasks: Task) -> int | None:
    """Classes of each of the tasks, which are equal in size; None where answers are not classes."""
    if objective.answers != "classes":
        return None
    if not isinstance(tasks.support.inputs, Padded):
        return objective.classes(False)
    return int(tasks.support.targets.max()) + 1
