"""The log of a run that is still written, and what it says about the run's health."""

import itertools
from pathlib import Path

import pytest
from live_outputs import HEADER, row

from innerloop.live.health import EXPLODES, troubles
from innerloop.live.log import Log, Point

STEPS = range(50, 1050, 50)


def logged(folder: Path, lines: list[str], header: str = HEADER) -> Log:
    (folder / "metrics.csv").write_text("\n".join([header, *lines]) + "\n")
    log = Log(folder / "metrics.csv")
    log.update()
    return log


def content(log: Log) -> dict[str, list[Point]]:
    """All columns that are not empty."""
    columns = {key: log.points(key, tasks=1, most=10**6) for key in HEADER.split(",")}
    return {key: points for key, points in columns.items() if points}


def test_what_is_read_piece_by_piece_is_what_is_read_at_once(tmp_path: Path) -> None:
    file = tmp_path / "metrics.csv"
    text = "\n".join([HEADER, *[row(step, 0.8) for step in STEPS]]) + "\n"
    log = Log(file)
    for end in range(0, len(text) + 7, 7):  # rows are cut anywhere
        file.write_text(text[:end])
        log.update()
    assert content(log) == content(logged(tmp_path, [row(step, 0.8) for step in STEPS]))
    assert (log.step, log.metric, log.count) == (1000, "accuracy", len(STEPS))


def test_a_log_that_was_rewound_or_has_a_new_column_is_read_anew(tmp_path: Path) -> None:
    log = logged(tmp_path, [row(step, 0.8) for step in STEPS])
    shorter = [row(step, 0.5) for step in STEPS[:3]]
    for header, lines in ((HEADER, shorter), (f"{HEADER},inside/new", shorter), (HEADER, [])):
        (tmp_path / "metrics.csv").write_text("\n".join([header, *lines]) + "\n")
        log.update()
        assert log.count == len(lines)
        assert content(log) == content(logged(tmp_path, lines, header))
    (tmp_path / "metrics.csv").unlink()
    log.update()
    assert (log.count, log.step, content(log)) == (0, 0, {})


def test_minutes_are_the_tasks_divided_by_their_speed(tmp_path: Path) -> None:
    log = logged(tmp_path, [row(step, 0.8) for step in STEPS])
    points = log.points("train/accuracy", tasks=4, most=100)
    assert [p.step for p in points] == list(STEPS)
    assert [p.minutes for p in points] == pytest.approx([s * 4 / 80 / 60 for s in STEPS])
    assert log.pause(tasks=4) == pytest.approx(50 * 4 / 80)


@pytest.mark.parametrize("most", [1, 7, 20, 100])
def test_a_thinned_curve_is_evenly_spaced_and_ends_with_the_last_point(
    tmp_path: Path, most: int
) -> None:
    log = logged(tmp_path, [row(step, 0.8) for step in STEPS])
    steps = [point.step for point in log.points("train/accuracy", tasks=1, most=most)]
    assert len(steps) <= most and steps[-1] == STEPS[-1]
    assert len({b - a for a, b in itertools.pairwise(steps)}) <= 1


def test_only_the_appended_part_of_a_long_log_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = logged(tmp_path, [row(step, 0.8) for step in range(10, 50_000, 10)])
    read = []
    monkeypatch.setattr(Log, "_append", lambda self, text: read.append(len(text)))
    with log.file.open("a") as file:
        file.write(row(50_000, 0.8) + "\n")
    log.update()
    assert read == [len(row(50_000, 0.8)) + 1]


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
    assert content(log) == content(logged(tmp_path, [row(50, 0.8)]))
