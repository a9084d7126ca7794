"""Meta-Curvature against MAML, sums by hand, and learn2learn's transforms, in float64."""

import pytest
import torch
from helpers import SmoothBody, SmoothConv, algorithm, close, run, tasks
from torch import Tensor, nn

from innerloop.adaptation.curvature import transformed
from innerloop.algorithms.algorithm import Algorithm
from innerloop.algorithms.gradient.meta_curvature import MetaCurvature


def drawn(*sizes: int) -> tuple[Tensor, ...]:
    return tuple(torch.randn(size, size, dtype=torch.float64) for size in sizes)


def shaken(learner: Algorithm) -> MetaCurvature:
    """The learner with random matrices."""
    assert isinstance(learner, MetaCurvature)
    with torch.no_grad():
        for matrix in learner.matrices.values():
            matrix += 0.3 * torch.randn_like(matrix)
    return learner


@pytest.mark.parametrize("body", [SmoothBody(), SmoothConv("transductive")])
def test_with_identity_matrices_it_equals_maml(body: nn.Module) -> None:
    curved, maml = algorithm("meta_curvature", body), algorithm("maml", body)
    maml.model.load_state_dict(curved.model.state_dict())
    batch = tasks(shape=(1, 4, 4) if isinstance(body, SmoothConv) else (3,))
    (loss, gradient), (expected_loss, expected) = run(curved, batch), run(maml, batch)
    close(loss, expected_loss)
    close({k: gradient[k] for k in expected}, expected)


def test_a_convolutions_gradient_is_multiplied_along_three_modes() -> None:
    gradient = torch.randn(4, 3, 2, 5, dtype=torch.float64)
    out, into, places = drawn(4, 3, 10)
    flat = gradient.reshape(4, 3, 10)
    expected = torch.einsum("ao,bi,cf,oif->abc", out, into, places, flat).view(4, 3, 2, 5)
    close(transformed(gradient, (out, into, places)), expected)


def test_a_linear_layers_gradient_is_multiplied_by_a_kronecker_product() -> None:
    gradient = torch.randn(4, 3, dtype=torch.float64)
    out, into = drawn(4, 3)
    expected = torch.kron(out, into) @ gradient.flatten()
    close(transformed(gradient, (out, into)).flatten(), expected)


@pytest.mark.parametrize("shape", [(5,), (4, 3), (4, 3, 2, 5)])
def test_it_equals_learn2learns_transform(shape: tuple[int, ...]) -> None:
    """learn2learn multiplies from the right by its second matrix, which is thus transposed."""
    from learn2learn.optim.transforms import MetaCurvatureTransform

    gradient = torch.randn(shape, dtype=torch.float64)
    theirs = MetaCurvatureTransform(gradient).double()
    for matrix in theirs.parameters():
        nn.init.normal_(matrix)
    if len(shape) == 1:
        factors = (theirs.mc,)
    elif len(shape) == 2:
        factors = (theirs.mc_in, theirs.mc_out.T)
    else:
        factors = (theirs.mc_in, theirs.mc_out.T, theirs.mc_f)
    close(transformed(gradient, factors), theirs(gradient))


def test_an_inner_step_follows_the_transformed_gradient() -> None:
    batch = tasks(1)
    curved = shaken(algorithm("meta_curvature"))
    support = batch.support._replace(
        inputs=batch.support.inputs[0], targets=batch.support.targets[0]
    )
    start, after = curved.adapt(support, 1, torch.tensor(0.0))
    loss = torch.nn.functional.cross_entropy(curved.model(support.inputs), support.targets)
    slopes = torch.autograd.grad(loss, list(curved.model.parameters()))
    for (name, p), slope in zip(curved.model.named_parameters(), slopes, strict=True):
        factors = curved.factors()[name]
        step = factors[0] * slope if p.dim() == 1 else factors[0] @ slope @ factors[1].T
        close(after.parameters[name], p - 0.1 * step)
        assert not torch.equal(start.parameters[name], after.parameters[name])
