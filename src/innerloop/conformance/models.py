"""What a model promises: its outputs are a function of its inputs and its weights."""

from typing import NamedTuple

import torch
from torch import nn
from torch.utils._pytree import tree_flatten

from innerloop import tasks as task_tools
from innerloop.conformance.failure import Failure, agree
from innerloop.conformance.subject import Subject
from innerloop.engines.check import check as side_by_side
from innerloop.tasks import Examples, Task, values


class Model(NamedTuple):
    """A model inside a learner: `algorithm=maml`, where nothing else is said."""

    subject: Subject

    @property
    def network(self) -> nn.Module:
        """The model."""
        return self.subject.learner.model

    def batch(self) -> Task:
        """Two tasks without padding."""
        support, query = self.subject.tasks(2)
        return Task(*[Examples(values(part.inputs), part.targets) for part in (support, query)])


def outputs_fit_the_objective(model: Model) -> None:
    """`model(inputs)` gives `(n, width)`, with the width of the objective."""
    inputs = task_tools.only(task_tools.part(model.batch(), 0, 1)).query.inputs
    outputs = model.network(inputs)
    expected = (task_tools.count(inputs), model.subject.learner.objective.width)
    if tuple(outputs.shape) != expected:
        raise Failure(
            f"it gives {tuple(outputs.shape)} and not {expected}: take the width from `outputs`, "
            "which is given to the model's constructor"
        )


def a_pass_changes_no_buffer_and_no_later_pass(model: Model) -> None:
    """The same inputs give the same outputs again, and no buffer changes."""
    network = model.network.eval()
    inputs = task_tools.only(task_tools.part(model.batch(), 0, 1)).query.inputs
    before = {name: buffer.clone() for name, buffer in network.named_buffers()}
    agree(network(inputs), network(inputs), "the outputs")
    agree(dict(network.named_buffers()), before, "the buffer ")


def a_loss_reaches_every_parameter(model: Model) -> None:
    """Each parameter that is not frozen moves the outputs for some inputs."""
    named = {k: p for k, p in model.network.named_parameters() if p.requires_grad}
    reached: set[str] = set()
    for _ in range(4):
        inputs = tree_flatten(model.batch().query.inputs)
        flat = [leaf.flatten(0, 1) for leaf in inputs[0]]
        outputs = model.network(torch.utils._pytree.tree_unflatten(flat, inputs[1]))
        loss = (outputs * torch.randn_like(outputs)).sum()
        slopes = torch.autograd.grad(loss, list(named.values()), allow_unused=True)
        reached |= {k for k, g in zip(named, slopes, strict=True) if g is not None and g.any()}
    idle = [name for name in named if name not in reached]
    if idle:
        raise Failure(f"nothing depends on {', '.join(idle[:3])}: leave it out, or freeze it")


def weights_can_be_stored_and_loaded(model: Model) -> None:
    """`state_dict` holds all that a copy needs to give the same outputs."""
    network = model.network.eval()
    inputs = task_tools.only(task_tools.part(model.batch(), 0, 1)).query.inputs
    expected = network(inputs)
    kept = {name: value.clone() for name, value in network.state_dict().items()}
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.rand_like(parameter))
    network.load_state_dict(kept)
    agree(network(inputs), expected, "the outputs after loading")


def its_meta_gradient_is_right(model: Model) -> None:
    """MAML differentiates through it: side by side, or one task at a time."""
    subject = model.subject
    verdict = side_by_side(subject.learner, subject.tasks(2), subject.progress)
    if not verdict.side_by_side:
        print(f"    runs one task at a time: {verdict.why}")
