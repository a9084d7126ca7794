"""Curves: each task is one function of the stated family, in tasks equal and unequal in size."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.optimize import minimize_scalar

from innerloop.data.curves import Curves
from innerloop.data.sets.harmonics import Harmonics
from innerloop.data.sets.lines_and_sines import LinesAndSines
from innerloop.errors import UserError
from innerloop.tasks import Episode, Padded, Range, Task

EPISODE = Episode(1, 10, 15)
SOURCES = (Harmonics, LinesAndSines)


def draw(source: Curves, count: int = 300, split: str = "train", seed: int = 0) -> Task:
    return source.tasks(split, np.arange(count), EPISODE, seed)


def rows(tasks: Task) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets of all examples, `(tasks, examples)`, in float64."""
    joined = [torch.cat(pair, 1)[..., 0] for pair in zip(tasks.support, tasks.query, strict=True)]
    return joined[0].double().numpy(), joined[1].double().numpy()


def residual(basis: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """The largest error of a least-squares fit of y by the columns of a basis, and its weights."""
    weights, *_ = np.linalg.lstsq(basis, y, rcond=None)
    return float(np.abs(basis @ weights - y).max()), weights


def harmonic_basis(omega: float, x: np.ndarray) -> np.ndarray:
    return np.stack([f(k * omega * x) for k in (1, 2) for f in (np.sin, np.cos)], 1)


def test_each_harmonic_is_a_wave_and_its_octave() -> None:
    frequencies, amplitudes = [], []
    for x, y in zip(*rows(draw(Harmonics(noise=0.0))), strict=True):

        def misfit(omega: float, x: np.ndarray = x, y: np.ndarray = y) -> float:
            return residual(harmonic_basis(omega, x), y)[0]

        start = min(np.linspace(5, 7, 200), key=misfit)
        omega = minimize_scalar(misfit, bounds=(start - 0.02, start + 0.02), method="bounded").x
        error, (a, b, c, d) = residual(harmonic_basis(omega, x), y)
        assert error < 1e-3
        frequencies.append(omega)
        amplitudes += [np.hypot(a, b), np.hypot(c, d)]
    assert stats.kstest(frequencies, stats.uniform(5, 2).cdf).pvalue > 0.001
    assert stats.kstest(amplitudes, stats.halfnorm.cdf).pvalue > 0.001


def test_noise_has_the_stated_deviation_and_differs_between_examples() -> None:
    (_, clean), (_, noisy) = (rows(draw(Harmonics(noise=noise))) for noise in (0.0, 0.3))
    assert stats.kstest((noisy - clean).ravel() / 0.3, "norm").pvalue > 0.001


def test_half_of_the_tasks_are_lines_and_half_sines() -> None:
    kinds, weights = [], {"line": [], "sine": []}
    for x, y in zip(*rows(draw(LinesAndSines(), 600)), strict=True):
        fits = {
            "line": residual(np.stack([x, np.ones_like(x)], 1), y),
            "sine": residual(np.stack([np.sin(x), np.cos(x)], 1), y),
        }
        kind = min(fits, key=lambda k: fits[k][0])
        assert fits[kind][0] < 1e-4
        kinds.append(kind)
        weights[kind].append(fits[kind][1])
    assert stats.binomtest(kinds.count("line"), 600).pvalue > 0.001
    for slope_or_intercept in np.transpose(weights["line"]):
        assert stats.kstest(slope_or_intercept, stats.uniform(-3, 6).cdf).pvalue > 0.001
    amplitude = np.hypot(*np.transpose(weights["sine"]))
    assert stats.kstest(amplitude, stats.uniform(0.1, 4.9).cdf).pvalue > 0.001


@pytest.mark.parametrize("source", SOURCES)
def test_inputs_are_uniform_and_no_example_is_in_both_sets(source: Callable[..., Curves]) -> None:
    x, _ = rows(draw(source(span=(1.0, 3.0))))
    assert stats.kstest(x.ravel(), stats.uniform(1, 2).cdf).pvalue > 0.001
    # Two float32 draws of one task may coincide by chance, but rarely.
    assert sum(len(np.unique(row)) < len(row) for row in x) <= 1


@pytest.mark.parametrize("source", SOURCES)
def test_a_task_is_a_function_of_its_index(source: Callable[..., Curves]) -> None:
    batch, curves = rows(draw(source())), source()
    alone = rows(curves.tasks("train", np.array([123]), EPISODE, 0))
    for many, one in zip(batch, alone, strict=True):
        assert (many[123] == one[0]).all()
    for other in (draw(source(), split="val"), draw(source(), seed=1)):
        assert (rows(other)[0] != batch[0]).all()


@pytest.mark.parametrize("source", SOURCES)
def test_a_task_of_unequal_size_is_the_start_of_the_largest(source: Callable[..., Curves]) -> None:
    sized, indices = Episode(1, Range(3, 10), Range(5, 15)), np.arange(400)
    largest = source().tasks("train", indices, EPISODE, 0)
    for part, whole, (low, high) in zip(
        source().tasks("train", indices, sized, 0), largest, ((3, 10), (5, 15)), strict=True
    ):
        assert isinstance(part.inputs, Padded) and isinstance(part.targets, Padded)
        assert torch.equal(part.inputs.real, part.targets.real)
        counts = part.inputs.real.sum(1).numpy()
        assert stats.chisquare(np.bincount(counts, minlength=high + 1)[low:]).pvalue > 0.001
        assert (part.inputs.real.int().diff(dim=1) <= 0).all()
        for padded, full in zip(part, whole, strict=True):
            assert torch.equal(padded.values[padded.real], full[padded.real])
            assert not padded.values[~padded.real].any()


@pytest.mark.parametrize("source", SOURCES)
def test_classes_and_negative_noise_are_refused(source: Callable[..., Curves]) -> None:
    with pytest.raises(UserError, match="episode.ways must be 1, not 5"):
        source().check("train", Episode(5, 1, 1))
    with pytest.raises(UserError, match="noise=-1"):
        source(noise=-1)


@pytest.mark.parametrize("source", SOURCES)
def test_the_fingerprint_follows_every_argument(source: Callable[..., Curves]) -> None:
    plain = source().fingerprint("train")
    for name in vars(source()):
        other = source(**{name: 2.0 if name == "noise" else (1.0, 2.0)})
        assert other.fingerprint("train") != plain, name
