"""Sinusoid tasks are sines with parameters and inputs in the given ranges."""

import math

import numpy as np
import pytest
import torch

from innerloop.data.sets.sinusoid import Sinusoid
from innerloop.errors import UserError
from innerloop.tasks import Episode, Task

EPISODE = Episode(1, 10, 15)


def draw(source: Sinusoid, count: int = 300, split: str = "train", seed: int = 0) -> Task:
    return source.tasks(split, np.arange(count), EPISODE, seed)


def rows(tasks: Task) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets of all examples, `(tasks, examples)`, in float64."""
    joined = [torch.cat(pair, 1)[..., 0] for pair in zip(tasks.support, tasks.query, strict=True)]
    return joined[0].double().numpy(), joined[1].double().numpy()


@pytest.mark.parametrize(
    ("amplitude", "phase"), [((0.1, 5.0), (0.0, math.pi)), ((2.0, 3.0), (-1.0, 0.5))]
)
def test_each_task_is_one_sine_within_the_ranges(
    amplitude: tuple[float, float], phase: tuple[float, float]
) -> None:
    parameters = []
    for x, y in zip(*rows(draw(Sinusoid(amplitude, phase))), strict=True):
        # A sin(x - p) is linear in sin x and cos x, with weights A cos p and -A sin p.
        basis = np.stack([np.sin(x), np.cos(x)], 1)
        (a, b), *_ = np.linalg.lstsq(basis, y, rcond=None)
        np.testing.assert_allclose(basis @ [a, b], y, atol=1e-5)
        parameters.append((math.hypot(a, b), math.atan2(-b, a)))
    for values, (low, high) in zip(np.transpose(parameters), (amplitude, phase), strict=True):
        assert low - 1e-4 <= values.min() and values.max() <= high + 1e-4
        np.testing.assert_allclose(values.mean(), (low + high) / 2, atol=0.1 * (high - low))
        np.testing.assert_allclose(np.ptp(values), high - low, rtol=0.05)


@pytest.mark.parametrize("span", [(-5.0, 5.0), (1.0, 2.0)])
def test_inputs_are_uniform_over_their_span(span: tuple[float, float]) -> None:
    x, _ = rows(draw(Sinusoid(span=span)))
    low, high = span
    assert low <= x.min() and x.max() <= high
    share = np.histogram(x, 5, span)[0] / x.size
    np.testing.assert_allclose(share, 0.2, atol=0.03)


def test_tasks_have_the_expected_shapes_and_types() -> None:
    tasks = draw(Sinusoid(), 4)
    for examples, n in ((tasks.support, 10), (tasks.query, 15)):
        assert examples.inputs.shape == examples.targets.shape == (4, n, 1)
        assert examples.inputs.dtype == examples.targets.dtype == torch.float32


def test_support_and_query_share_no_example() -> None:
    x, _ = rows(draw(Sinusoid()))
    # Two float32 draws of one task may coincide by chance, but rarely.
    assert sum(len(np.unique(row)) < len(row) for row in x) <= 1


def test_a_task_is_a_function_of_its_index() -> None:
    source = Sinusoid()
    batch = rows(draw(source))
    alone = rows(source.tasks("train", np.array([123]), EPISODE, 0))
    for many, one in zip(batch, alone, strict=True):
        assert (many[123] == one[0]).all()
    for other in (draw(source, split="val"), draw(source, seed=1)):
        assert (rows(other)[0] != batch[0]).all(1).all()
    assert len(np.unique(batch[0][:, 0])) == 300


def test_ways_must_be_one() -> None:
    Sinusoid().check("train", EPISODE)
    with pytest.raises(UserError, match="episode.ways must be 1, not 5"):
        Sinusoid().check("train", Episode(5, 1, 1))


def test_fingerprint_follows_the_parameters() -> None:
    same, other = Sinusoid(), Sinusoid(amplitude=(1.0, 2.0))
    assert Sinusoid().fingerprint("train") == same.fingerprint("train")
    assert Sinusoid().fingerprint("train") != other.fingerprint("train")
