"""Values that the configuration computes."""

import pytest
from helpers import config

from innerloop.experiment import opening


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["outer.steps=20"], 100),
        (["outer.steps=0"], 600),  # learners that are not trained are reported like others
        (["outer.steps=500"], 600),
        (["outer.steps=20", "evaluation.tasks=600"], 600),
    ],
)
def test_a_short_training_gets_a_short_test_unless_told_otherwise(
    overrides: list[str], expected: int
) -> None:
    composed = config("dataset=miniimagenet", *overrides)
    assert composed.evaluation.tasks == expected
    said = opening._short_test(composed)
    assert bool(said) == (expected == 100)
    assert not said or ("100 tasks" in said[0] and "evaluation.tasks=600" in said[0])
