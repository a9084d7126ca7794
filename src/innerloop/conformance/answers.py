"""What an algorithm promises about its answers: `adapt`, `predict`, `embed` and `scores`."""

import copy
from typing import Any

import torch

from innerloop import tasks as task_tools
from innerloop.conformance.failure import EXACT, ROUGH, Failure, agree, gap_between
from innerloop.conformance.padded import with_padding
from innerloop.conformance.subject import STEPS, Subject, reordered
from innerloop.objectives import Classification
from innerloop.tasks import Examples, Task

SAME = 1e-8  #: outputs that differ by less are called equal


def adapting_yields_the_start_and_every_step(subject: Subject) -> None:
    """`adapt` yields once before the first step and once after each; once if it has no steps."""
    learner = subject.learner
    task = task_tools.only(learner.embed(subject.tasks(1)))
    yields = len(list(learner.adapt(task.support, STEPS, subject.progress)))
    expected = STEPS + 1 if learner.adapts_by_steps else 1
    if yields != expected:
        raise Failure(
            f"it yields {yields} times for {STEPS} steps and not {expected}: "
            f"adapts_by_steps = {learner.adapts_by_steps}"
        )


def adapting_changes_nothing_of_the_learner(subject: Subject) -> None:
    """Adapting, scoring and the meta-gradient change no attribute and no tensor of the learner."""
    before = _contents(subject)
    subject.outputs(subject.task())
    subject.learner.scores(subject.tasks(2), 2, subject.progress)
    subject.meta_gradient(subject.tasks(2))
    after = _contents(subject)
    changed = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    if changed:
        raise Failure(f"it changes {', '.join(changed[:3])}: many tasks run at once")


def the_same_task_gives_the_same_answer(subject: Subject) -> None:
    """A task gives the same outputs and gradient again, after other tasks."""
    first, other = subject.tasks(1), subject.tasks(1)
    before = subject.outputs(task_tools.only(first)), *subject.meta_gradient(first)
    subject.outputs(task_tools.only(other))
    after = subject.outputs(task_tools.only(first)), *subject.meta_gradient(first)
    agree(after, before, "(outputs, loss, gradient)", bits=True)


def a_trajectory_is_adapt_then_predict(subject: Subject) -> None:
    """`trajectory` gives what `embed`, `adapt` and `predict` give, at any chosen step."""
    learner, task = subject.learner, subject.task()
    embedded = task_tools.only(learner.embed(task_tools.alone(task)))
    steps = learner.adapt(embedded.support, STEPS, subject.progress)
    expected = [learner.predict(adapted, embedded.query.inputs) for adapted in steps]
    path = [outputs for _, outputs in learner.trajectory(task, STEPS, subject.progress)]
    agree(path, expected, "outputs")
    last = list(learner.trajectory(task, STEPS, subject.progress, at=(STEPS,)))
    if len(last) != 1:
        raise Failure(f"asked for one step, it gives {len(last)}")
    agree(last[0][1], expected[-1], "outputs")


def scores_are_those_of_the_outputs(subject: Subject) -> None:
    """`scores` are the objective's scores of the outputs, and the learner's own `measures`."""
    learner, batch = subject.learner, subject.tasks(2)
    scores = learner.scores(batch, STEPS, subject.progress)
    for i in range(2):
        task = task_tools.only(task_tools.part(batch, i, i + 1))
        *_, (adapted, outputs) = learner.trajectory(task, STEPS, subject.progress)
        expected = learner.objective.scores(outputs, task.query.targets)
        expected = {**expected, **learner.measures(adapted)}
        agree({name: values[i, -1] for name, values in scores.items()}, expected, "scores")


def a_query_is_answered_alone_as_among_others(subject: Subject) -> None:
    """A query gets the same answer alone as among others, unless `joint_queries` is declared."""
    task = subject.task()
    together = subject.outputs(task)
    for i in range(0 if subject.learner.joint_queries else len(together)):
        single = Task(task.support, reordered(task.query, torch.tensor([i])))
        agree(subject.outputs(single)[0], together[i], "its output")


def reordering_queries_reorders_the_answers(subject: Subject) -> None:
    """Queries in another order get the same answers, in that order."""
    task = subject.task()
    order = torch.randperm(task_tools.count(task.query))
    agree(
        subject.outputs(Task(task.support, reordered(task.query, order))),
        subject.outputs(task)[order],
        "outputs",
    )


def reordering_the_support_matters_only_where_declared(subject: Subject) -> None:
    """The order of the support matters if `shuffling_changes`, and otherwise not."""
    task, declared = subject.task(), subject.learner.shuffling_changes
    for _ in range(2):  # a support longer than a minibatch
        longer = task_tools.concatenate(task.support, subject.task().support)
        task = Task(longer, task.query)
    order = torch.arange(task_tools.count(task.support)).roll(1)
    other = Task(reordered(task.support, order), task.query)
    gap = gap_between(subject.outputs(other), subject.outputs(task))
    if (gap > _same(subject)) != declared:
        raise Failure(f"the outputs change by {gap:.2g}, and shuffling_changes = {declared}")


def relabelling_permutes_the_answers_where_declared(subject: Subject) -> None:
    """Renaming the classes permutes the outputs and no more if `relabelling_permutes`."""
    if subject.learner.objective.classes(training=True) is None:
        return
    task = subject.task()
    classes = int(task.support.targets.max()) + 1
    names = torch.arange(classes).roll(1)
    renamed = Examples(task.support.inputs, names[task.support.targets])
    outputs = subject.outputs(Task(renamed, task.query))
    gap = gap_between(outputs[:, names], subject.outputs(task)[:, :classes])
    declared = subject.learner.relabelling_permutes
    if (gap < (EXACT if subject.dtype == torch.float64 else ROUGH)) != declared:
        raise Failure(f"the outputs change by {gap:.2g}, and relabelling_permutes = {declared}")


def without_fixed_ways_any_number_of_classes_is_answered(subject: Subject) -> None:
    """A learner without `fixed_ways` has one output for each class of a task."""
    classes = subject.learner.objective.classes(training=True)
    if classes is None or classes < 3 or subject.learner.fixed_ways:
        return
    task, learner = subject.task(), copy.deepcopy(subject.learner).eval()
    learner.objective = Classification(classes - 1, classes - 1)
    fewer = Task(*[reordered(part, part.targets < classes - 1) for part in task])
    *_, (_, outputs) = learner.trajectory(fewer, STEPS, subject.progress)
    if outputs.shape[-1] != classes - 1:
        raise Failure(f"it has {outputs.shape[-1]} outputs for {classes - 1} classes")


def padding_changes_nothing(subject: Subject) -> None:
    """Rows that only fill up a batch change neither loss, gradient nor scores, or are refused."""
    batch = subject.tasks(2)
    learner, filled = subject.learner, with_padding(batch)
    try:
        learner(filled, subject.progress)
    except (TypeError, ValueError, AttributeError, RuntimeError):
        return  # an error is no wrong number: such a learner takes tasks of one size
    if not learner.whole_batch:
        agree(subject.meta_gradient(filled), subject.meta_gradient(batch), "(loss, gradient)")
    ours, theirs = (learner.scores(t, 2, subject.progress) for t in (filled, batch))
    agree(ours, theirs, "scores")


def _same(subject: Subject) -> float:
    return SAME if subject.dtype == torch.float64 else 1e-3


def _contents(subject: Subject) -> dict[str, Any]:
    """The identity of every attribute of every module, and version and value of every tensor."""
    state: dict[str, Any] = {}
    for name, module in subject.learner.named_modules():
        state |= {f"{name}.{key}".lstrip("."): id(value) for key, value in vars(module).items()}
    for name, value in [*subject.learner.named_parameters(), *subject.learner.named_buffers()]:
        state[name] = (value._version, value.tolist(), value.grad)
    return state
