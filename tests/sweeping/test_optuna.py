"""The study that workers share, its search spaces, and the sweeper."""

import subprocess
import sys
from pathlib import Path

import pytest
from cli import call, results
from helpers import ROOT, config, learners
from hydra.core.override_parser.overrides_parser import OverridesParser

pytest.importorskip("optuna", reason="optuna is an extra: uv pip install -e '.[sweeps]'")

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from innerloop.sweeping.spaces import split
from innerloop.sweeping.study import Study

SPACE = {"x": FloatDistribution(0.0, 1.0)}
TAKER = """
import sys
from pathlib import Path
import optuna
from innerloop.sweeping.study import Study
space = {"x": optuna.distributions.FloatDistribution(0.0, 1.0)}
study = Study(Path(sys.argv[1]), sys.argv[2], "s", 5, True, None)
print(study.take(space, 2), flush=True)
sys.stdin.read()
"""


def study(folder: Path, trials: int = 5) -> Study:
    return Study(folder, f"sqlite:///{folder}/study.db", "s", trials, True, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("interval(0.1,2)", FloatDistribution(0.1, 2.0)),
        ("tag(log,interval(0.001,1.0))", FloatDistribution(0.001, 1.0, log=True)),
        ("int(interval(2,9))", IntDistribution(2, 9)),
        ("int(tag(log,interval(1,64)))", IntDistribution(1, 64, log=True)),
        ("range(1,6)", IntDistribution(1, 5)),
        ("range(0,9,step=4)", CategoricalDistribution(["0", "4", "8"])),
        ("choice(maml,[1,2],0.5)", CategoricalDistribution(["maml", "[1,2]", "0.5"])),
        ("5,7", CategoricalDistribution(["5", "7"])),
    ],
)
def test_search_spaces_are_written_as_overrides(text: str, expected: object) -> None:
    parsed = OverridesParser.create().parse_overrides([f"a.b={text}", "c=3"])
    assert split(parsed) == ({"a.b": expected}, {"c": "3"})


def test_the_last_override_of_a_key_wins() -> None:
    lines = ["a=1", "b=interval(0.0,1.0)", "a=interval(0.0,1.0)", "b=2"]
    space, fixed = split(OverridesParser.create().parse_overrides(lines))
    assert space == {"a": FloatDistribution(0.0, 1.0)}
    assert fixed == {"b": "2"}


def test_workers_share_the_trials_without_overlap(tmp_path: Path) -> None:
    workers = [study(tmp_path) for _ in range(2)]
    first = workers[0].take(SPACE, 2)
    second = workers[1].take(SPACE, 2)
    third = workers[0].take(SPACE, 2)
    assert [list(part) for part in (first, second, third)] == [[0, 1], [2, 3], [4]]
    assert workers[1].take(SPACE, 2) == {}
    for number in (0, 1, 4):
        workers[0].tell(number, None if number == 1 else float(number))
    for number in (2, 3):
        workers[1].tell(number, -1.0)
    assert study(tmp_path).best() == (4, 4.0, third[4])
    states = [trial.state for trial in workers[0].study.trials]
    assert states == [TrialState.COMPLETE, TrialState.FAIL, *[TrialState.COMPLETE] * 3]
    assert study(tmp_path).take(SPACE, 9) == {}


def test_only_the_trials_of_a_killed_worker_are_repeated(tmp_path: Path) -> None:
    alive = study(tmp_path)
    assert list(alive.take(SPACE, 1)) == [0]
    command = [sys.executable, "-c", TAKER, str(tmp_path), f"sqlite:///{tmp_path}/study.db"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={"PYTHONPATH": str(ROOT / "src")},
    ) as worker:  # fmt: skip
        assert worker.stdout is not None
        theirs = worker.stdout.readline().strip()
        assert list(alive.take(SPACE, 1)) == [3], "while it lives, its trials are its own"
        worker.kill()
    joined = study(tmp_path)
    assert str(joined.take(SPACE, 2)) == theirs, "the same numbers and parameters"
    assert list(joined.take(SPACE, 9)) == [4]


@pytest.mark.parametrize("name", sorted(set(learners()) - {"no_op"}))
def test_every_algorithm_has_a_search_space_with_valid_limits(name: str) -> None:
    settings = config(f"search={name}")
    assert settings.hydra.runtime.choices["hydra/sweeper"] == "optuna"
    lines = [f"{key}={value}" for key, value in settings.hydra.sweeper.params.items()]
    space, fixed = split(OverridesParser.create().parse_overrides(lines))
    assert len(space) >= 2 and not fixed
    for end in ("low", "high"):
        edge = config(f"search={name}", *[f"{k}={getattr(d, end)}" for k, d in space.items()])
        assert edge.names.algorithm == name


def test_a_search_optimises_validation_and_can_be_resumed(tmp_path: Path) -> None:
    def search(trials: int, *more: str) -> list[optuna.trial.FrozenTrial]:
        call(
            "train", "search=maml", "debug=fast", "logger=none", "evaluation.audit=0",
            "diagnostics.test_tasks=0", "inner.rate=tag(log,interval(0.001,0.01))",
            f"hydra.sweeper.trials={trials}", f"hydra.sweep.dir={tmp_path}", *more,
        )  # fmt: skip
        file = f"sqlite:///{tmp_path}/study.db"
        return optuna.load_study(study_name="innerloop", storage=file).trials

    assert len(search(2)) == 2
    trials = search(3, "sweep.resume=true")
    for trial in trials:
        result = results(tmp_path / f"{trial.number}_sinusoid_maml_seed0")
        assert trial.value == result["checkpoint"]["validation"]["mse"]
        assert f"inner.rate={trial.params['inner.rate']}" in result["command"]
    assert len(trials) == 3 and 0.001 <= trials[0].params["inner.rate"] <= 0.01
