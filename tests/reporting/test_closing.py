"""The last lines of a run, and the rule for decimals."""

import json
from pathlib import Path
from typing import Any

import pytest
from finished_runs import finished_run

from innerloop.objectives import Metric
from innerloop.reporting.closing import closing_lines, next_commands
from innerloop.reporting.numbers import mean_and_half
from innerloop.startup import published

PERCENT = Metric("accuracy", unit="%", scale=100.0)


@pytest.mark.parametrize(
    ("mean", "half", "shown"),
    [
        (0.43123, 0.05321, "43.1 ± 5.3 %"),
        (0.98712, 0.0004, "98.71 ± 0.04 %"),
        (0.5, 0.1234, "50 ± 12 %"),
        (0.5, 0.0996, "50 ± 10 %"),
        (0.5, None, "50.00 %"),
        (None, 0.1, "nan"),
        (0.5, 0.0, "50.00 ± 0 %"),
    ],
)
def test_the_interval_decides_the_decimals(
    mean: float | None, half: float | None, shown: str
) -> None:
    assert mean_and_half(mean, half, PERCENT) == shown


def test_numbers_without_a_unit_and_of_any_size() -> None:
    error = Metric("mse")
    assert mean_and_half(3.5412, 0.3398, error) == "3.54 ± 0.34"
    assert mean_and_half(1.23456e-9, 2.31e-10, error) == "1.235e-09 ± 2.3e-10"
    assert mean_and_half(1.5e30, 2e29, error) == "1.5e+30 ± 2e+29"


def lines(folder: Path) -> list[str]:
    content: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return closing_lines(content, folder)


def test_the_end_of_a_run_says_result_paper_and_checkpoint(tmp_path: Path) -> None:
    run = finished_run(
        tmp_path / "run", dataset="omniglot", seconds=90.0,
        test={"accuracy": {"mean": 0.9, "ci95": 0.01}},
        checkpoint={"step": 8, "validation": {"accuracy": 0.91}},
    )  # fmt: skip
    result, paper, checkpoint = lines(run)
    expected = (
        "maml on omniglot, 5-way 1-shot: accuracy 90.0 ± 1.0 % after 3 inner steps (200 tasks, 95%)"
    )
    assert result == expected
    reported = published.text(published.figures()["omniglot_maml_5way_1shot"]["paper"])
    assert paper == f"the paper: {reported}"
    expected = "checkpoint of outer step 8 of 10, chosen by val/accuracy (91.00 %); 90 seconds"
    assert checkpoint == expected
    (run / "config.diff").write_text("--- experiment=omniglot_maml_5way_1shot: 98.7\n")
    assert lines(run)[1] == f"the paper: {reported}; what differs from its setting: config.diff"


def test_no_paper_is_named_for_a_setting_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = finished_run(tmp_path / "a run")
    assert not any("paper" in line for line in lines(run))
    monkeypatch.chdir(tmp_path)
    replay, report = next_commands(run)
    assert replay.endswith("'a run' task=test/0") and report.endswith("report.py 'a run'")
