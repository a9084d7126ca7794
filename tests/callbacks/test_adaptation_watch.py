"""A warning with the numbers appears if, and only if, the inner loop makes the loss much worse."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
from cli import FAST, results, train

from innerloop.callbacks.adaptation_watch import is_worse

STEEP = ("inner.rate=0.2", "outer.steps=8", "log_every=2", "evaluation.validation.every=4",
         "debug=fast", "trainer=cpu", "engine.compile=false", "evaluation.tasks=40")  # fmt: skip
LINE = re.compile(
    r"much worse in (\w+|the test): (?:([\d.e+]+|inf|nan) before and )?(\S+) after (\d+) inner"
)


def test_a_harmful_inner_loop_is_reported_once_for_each_split(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(tmp_path, *STEEP)
    warnings = {m[1]: m for m in LINE.finditer(capsys.readouterr().out)}
    assert warnings.keys() == {"training", "validation", "the test"}
    assert [m[4] for m in warnings.values()] == ["1", "10", "10"]
    with np.load(tmp_path / "scores.npz") as kept:
        curve = kept["curve/mse"].astype(np.float64).mean(0)
    assert float(warnings["the test"][2]) == pytest.approx(curve[0], rel=1e-3)
    assert not curve[10] <= 3 * curve[0]
    assert "Lower inner.rate, or inner.steps" in warnings["training"].string
    assert results(tmp_path)["missing"] == []  # figures can show non-finite values


def test_no_report_where_adapting_helps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(tmp_path / "waves", *FAST)
    train(tmp_path / "glyphs", *FAST, "dataset=glyphs")
    train(tmp_path / "protonet", *FAST, "dataset=glyphs", "algorithm=protonet")
    assert "much worse" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("before", "after", "worse"),
    [
        (1.0, 2.9, False),
        (1.0, 3.1, True),
        (1.0, math.nan, True),
        (1.0, math.inf, True),
        (math.nan, math.nan, False),  # already non-finite before adapting
        (None, math.nan, True),
        (None, 1e9, False),
    ],
)
def test_threshold_of_much_worse(before: float | None, after: float, worse: bool) -> None:
    assert is_worse(before, after) == worse
