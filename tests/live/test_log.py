"""The log of a run that is still written, and what it says about the run's health."""

import math
from pathlib import Path

import pytest
from live_outputs import HEADER, row

from innerloop.live.health import EXPLODES, troubles
from innerloop.live.log import Log

STEPS = range(50, 1050, 50)


def logged(folder: Path, lines: list[str], header: str = HEADER) -> Log:
    (folder / "metrics.csv").write_text("\n".join([header, *lines]) + "\n")
    log = Log(folder / "metrics.csv")
    log.update()
    return log


def test_what_is_read_piece_by_piece_is_what_is_read_at_once(tmp_path: Path) -> None:
    file = tmp_path / "metrics.csv"
    text = "\n".join([HEADER, *[row(step, 0.8) for step in STEPS]]) + "\n"
    log = Log(file)
    for end in range(0, len(text) + 7, 7):  # rows are cut anywhere
        file.write_text(text[:end])
        log.update()
    assert log.rows == logged(tmp_path, [row(step, 0.8) for step in STEPS]).rows
    assert (log.step, log.metric, len(log.rows)) == (1000, "accuracy", len(STEPS))


def test_a_log_that_was_rewound_or_has_a_new_column_is_read_anew(tmp_path: Path) -> None:
    log = logged(tmp_path, [row(step, 0.8) for step in STEPS])
    shorter = [row(step, 0.5) for step in STEPS[:3]]
    for header, lines in ((HEADER, shorter), (f"{HEADER},inside/new", shorter), (HEADER, [])):
        (tmp_path / "metrics.csv").write_text("\n".join([header, *lines]) + "\n")
        log.update()
        assert len(log.rows) == len(lines)
        assert log.rows == logged(tmp_path, lines, header).rows
    (tmp_path / "metrics.csv").unlink()
    log.update()
    assert (log.rows, log.step) == ([], 0)


def test_minutes_are_the_tasks_divided_by_their_speed(tmp_path: Path) -> None:
    log = logged(tmp_path, [row(step, 0.8) for step in STEPS])
    points = log.points("train/accuracy", tasks=4)
    assert [p.step for p in points] == list(STEPS)
    assert [p.minutes for p in points] == pytest.approx([s * 4 / 80 / 60 for s in STEPS])
    assert log.pause(tasks=4) == pytest.approx(50 * 4 / 80)


def test_a_healthy_run_has_no_troubles(tmp_path: Path) -> None:
    log = logged(tmp_path, [row(step, 0.8, norm=1 + step % 7) for step in STEPS])
    assert troubles(log, running=True, silent=10.0, pause=2.5) == []
    assert troubles(log, running=False, silent=1e9, pause=2.5) == []


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_the_first_value_that_is_not_finite_is_named(tmp_path: Path, value: str) -> None:
    faulty = [row(350, 0.8), f"1.0,400,{value},0.2,0.5,80.0,", f"1.0,450,{value},0.2,0.5,80.0,"]
    (found,) = troubles(logged(tmp_path, faulty), running=True, silent=1.0, pause=None)
    assert found == f"NaN: train/accuracy is {float(value)} at step 400"


@pytest.mark.parametrize(("norm", "explodes"), [(0.9 * EXPLODES, False), (1.1 * EXPLODES, True)])
def test_a_meta_gradient_far_longer_than_before_explodes(
    tmp_path: Path, norm: float, explodes: bool
) -> None:
    lines = [*[row(step, 0.8) for step in STEPS], row(1050, 0.8, norm=norm)]
    found = troubles(logged(tmp_path, lines), running=True, silent=1.0, pause=None)
    assert bool(found) == explodes
    assert all("exploding" in words for words in found)


def test_silence_is_measured_by_the_usual_pause(tmp_path: Path) -> None:
    log = logged(tmp_path, [row(step, 0.8) for step in STEPS])
    assert "stalled" in troubles(log, running=True, silent=301.0, pause=1.0)[0]
    assert troubles(log, running=True, silent=301.0, pause=60.0) == []
    assert "11 minutes" in troubles(log, running=True, silent=660.0, pause=60.0)[0]


def test_damaged_rows_are_left_out(tmp_path: Path) -> None:
    damaged = ["x,y", "\x00", "1,nan,0.5,0.2,0.5,80,", "1,1e300,1,1,1,1,"]
    log = logged(tmp_path, [row(50, 0.8), *damaged])
    assert [r for r in log.rows if r] == logged(tmp_path, [row(50, 0.8)]).rows
    assert all(math.isfinite(r["step"]) for r in log.rows if r)
