"""What an algorithm promises about its meta-gradient."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.func import functional_call, grad_and_value

from innerloop import tasks as task_tools
from innerloop.algorithms.no_op import NoOp
from innerloop.conformance.failure import Failure, agree
from innerloop.conformance.subject import Subject
from innerloop.tasks import Task

DISTANCE = 1e-6  #: of the finite differences, in float64
CLOSE = 1e-4  #: largest relative error of the finite differences


def a_batch_gives_the_mean_of_its_tasks(subject: Subject) -> None:
    """Loss and meta-gradient of a batch are the means over its tasks, each alone."""
    if subject.learner.whole_batch:
        return
    batch = subject.tasks(3)
    loss, gradient = subject.meta_gradient(batch)
    singles = [subject.meta_gradient(task_tools.part(batch, i, i + 1)) for i in range(3)]
    agree(loss, torch.stack([one for one, _ in singles]).mean(), "the loss")
    means = {name: torch.stack([g[name] for _, g in singles]).mean(0) for name in gradient}
    agree(gradient, means, "the gradient of ")


def the_functional_gradient_is_autograds(subject: Subject) -> None:
    """`torch.func.grad` of the learner gives the gradient that plain autograd gives."""
    batch, learner = subject.tasks(3), subject.learner
    loss, gradient = subject.meta_gradient(batch)

    def mean_loss(parameters: dict[str, Tensor]) -> Tensor:
        result: Tensor = functional_call(learner, parameters, (batch, subject.progress))
        return result

    named = {k: p.detach() for k, p in learner.named_parameters() if p.requires_grad}
    functional, value = grad_and_value(mean_loss)(named)
    agree(value, loss, "the loss")
    agree(functional, gradient, "the gradient of ")


def finite_differences_agree_where_declared(subject: Subject) -> None:
    """The meta-gradient is the derivative of the meta-loss if `exact_meta_gradient`."""
    if not subject.learner.exact_meta_gradient or subject.dtype != torch.float64:
        return
    batch = subject.tasks(2)
    _, gradient = subject.meta_gradient(batch)
    size = torch.stack([g.square().sum() for g in gradient.values()]).sum().sqrt()
    if size == 0:
        return
    way = {name: g / size for name, g in gradient.items()}  # of steepest ascent: no cancellation
    measured = _slope(subject, batch, way)
    if abs(measured - float(size)) > CLOSE * float(size):
        raise Failure(
            f"along its own direction the loss rises by {measured:.6g} for each unit, and the "
            f"gradient says {float(size):.6g}; set exact_meta_gradient = False if that is meant"
        )


def every_parameter_gets_a_gradient(subject: Subject) -> None:
    """Each parameter moves the meta-loss of a batch of four tasks."""
    _, gradient = subject.meta_gradient(subject.tasks(4))
    idle = [name for name, slope in gradient.items() if not slope.any()]
    if isinstance(subject.learner, NoOp):
        if len(idle) < len(gradient):
            raise Failure("it is meant to learn nothing")
        return
    if idle:
        raise Failure(f"nothing depends on {', '.join(idle[:3])}: leave it out, or freeze it")


def a_small_outer_step_lowers_the_loss(subject: Subject) -> None:
    """A small step against an exact meta-gradient lowers the meta-loss."""
    if not subject.learner.exact_meta_gradient:
        return
    batch = subject.tasks(3)
    loss, gradient = subject.meta_gradient(batch)
    size = torch.stack([g.square().sum() for g in gradient.values()]).sum().sqrt()
    by = 1e-3 / max(float(size), 1.0)
    with _moved(subject, gradient, -by):
        after = subject.learner(batch, subject.progress).detach()
    if size > 0 and not after < loss:
        raise Failure(f"the loss goes from {float(loss):.8g} to {float(after):.8g}")


def _slope(subject: Subject, batch: Task, way: dict[str, Tensor]) -> float:
    """The derivative of the meta-loss in a direction, by central differences."""
    losses = []
    for by in (DISTANCE, -DISTANCE):
        with _moved(subject, way, by):
            losses.append(float(subject.learner(batch, subject.progress).detach()))
    return (losses[0] - losses[1]) / (2 * DISTANCE)


@contextmanager
def _moved(subject: Subject, way: dict[str, Tensor], by: float) -> Iterator[None]:
    """While open, the parameters are moved by `by` along a direction."""
    named = dict(subject.learner.named_parameters())
    before = {name: named[name].detach().clone() for name in way}
    with torch.no_grad():
        for name, step in way.items():
            named[name].add_(step, alpha=by)
    try:
        yield
    finally:
        with torch.no_grad():
            for name, value in before.items():
                named[name].copy_(value)
