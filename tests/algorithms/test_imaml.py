"""iMAML's meta-gradient at the minimum against finite differences, in float64."""

import pytest
from helpers import SmoothConv, algorithm, along, close, direction, run, slope, tasks, waves

from innerloop.algorithms.algorithm import Algorithm
from innerloop.algorithms.gradient.imaml import IMAML
from innerloop.errors import UserError
from innerloop.models.mlp import MLP
from innerloop.models.network import Network
from innerloop.objectives import Regression

SLOW = ("inner.rate=0.1", "inner.steps=150", "algorithm.iterations=15")
LONG = ("inner.rate=0.3", "inner.steps=50", "algorithm.iterations=15")


@pytest.mark.parametrize("kind", ["classification", "regression", "convolution"])
def test_meta_gradient_of_a_long_inner_loop_equals_finite_differences(kind: str) -> None:
    body = SmoothConv("transductive") if kind == "convolution" else None
    learner = algorithm(
        "imaml", body, 3, kind == "regression", *(SLOW if kind == "regression" else LONG)
    )
    batch = waves() if kind == "regression" else tasks(shape=(1, 4, 4) if body else (3,))
    _, gradient = run(learner, batch)
    way = direction(learner)
    assert along(gradient, way) == pytest.approx(slope(learner, batch, way), rel=1e-5)
    assert abs(along(gradient, way)) > 1e-4


def test_a_strong_pull_leaves_the_gradient_of_the_start() -> None:
    """With a large strength nothing is adapted: the outer loop is plain training."""
    strong = ("inner.rate=1e-9", "inner.steps=20", "algorithm.strength=1e8")
    learner, plain = algorithm("imaml", None, 3, False, *strong), algorithm("maml")
    plain.load_state_dict(learner.state_dict())
    plain.steps, batch = 0, tasks()
    (loss, gradient), (expected_loss, expected) = run(learner, batch), run(plain, batch)
    close(loss, expected_loss, rtol=1e-6)
    close(gradient, expected, rtol=1e-4, atol=1e-6)


def test_damping_changes_the_gradient_but_not_the_answers() -> None:
    damped = algorithm("imaml", None, 3, False, *LONG, "algorithm.damping=1.0")
    exact: Algorithm = algorithm("imaml", None, 3, False, *LONG)
    exact.load_state_dict(damped.state_dict())
    batch = tasks()
    (loss, gradient), (expected_loss, expected) = run(damped, batch), run(exact, batch)
    close(loss, expected_loss)
    gaps = {k: (gradient[k] - slope).norm() / slope.norm() for k, slope in expected.items()}
    assert min(gaps.values()) > 0.1


@pytest.mark.parametrize(
    "settings", [{"strength": 0.0}, {"damping": -1.0}, {"iterations": 0}, {"rate": 0.0}]
)
def test_settings_without_a_meaning_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(UserError, match="above zero"):
        IMAML(Network(MLP([1]), 1), Regression(), **{"rate": 0.1, **settings})
