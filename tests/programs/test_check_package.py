"""`check.py PACKAGE`: the shared suite on a package of somebody else."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import ROOT

from innerloop.errors import UserError
from innerloop.programs.check_package import check_package, find_conf

TEMPLATE = ROOT / "docs" / "template"
BROKEN = """
from innerloop.algorithms.metric.protonet import ProtoNet

class Counts(ProtoNet):
    calls = 0

    def predict(self, adapted, inputs):
        self.calls += 1
        return super().predict(adapted, inputs)
"""


def program(name: str, *words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(TEMPLATE), str(ROOT / "src")])
    environment = os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "innerloop", name, *words],
        cwd=folder, env=environment, capture_output=True, text=True,
    )  # fmt: skip


OURS = [TEMPLATE / "yours", ROOT / "tests" / "outside", ROOT / "tests" / "outside_models"]


@pytest.mark.parametrize("package", OURS)
def test_our_examples_keep_every_promise(package: Path, tmp_path: Path) -> None:
    done = program("check", str(package), folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("every promise is kept\n")
    assert "not kept" not in done.stdout and "does not run" not in done.stdout


def test_a_promise_that_is_not_kept_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "__init__.py").write_text(BROKEN)
    (tmp_path / "conf" / "algorithm").mkdir(parents=True)
    text = "# @package _global_\nalgorithm: {_target_: broken.Counts}\n"
    (tmp_path / "conf" / "algorithm" / "counts.yaml").write_text(text)
    done = program("check", str(tmp_path / "broken"), folder=tmp_path)
    assert done.returncode == 1
    assert "not kept: Adapting, scoring and the meta-gradient change no attribute" in done.stdout
    assert "it changes calls: many tasks run at once" in done.stdout
    assert done.stderr.startswith("Error: 1 promises are not kept")


def test_what_is_no_package_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="neither a folder nor an installed package"):
        find_conf("no_such_package")
    with pytest.raises(UserError, match="has no folder conf"):
        find_conf(str(tmp_path))
    (tmp_path / "conf").mkdir()
    with pytest.raises(UserError, match="no yaml file"):
        check_package(str(tmp_path), [])


def test_the_template_trains_is_tested_replayed_and_compared(tmp_path: Path) -> None:
    run = tmp_path / "run"
    search = "hydra.searchpath=[pkg://yours.conf]"
    short = ("outer.steps=20", "evaluation.tasks=20", "evaluation.validation.tasks=10")
    words = (search, "algorithm=nearest", "dataset=things", *short, f"hydra.run.dir={run}")
    trained = program("train", *words, folder=tmp_path)
    assert trained.returncode == 0, trained.stderr
    result = json.loads((run / "results.json").read_text())
    assert (result["algorithm"], result["dataset"]) == ("nearest", "things")
    assert result["test"]["accuracy"]["mean"] > 0.5  # chance is 0.2
    assert result["audit"]
    pictures = {path.stem for path in run.rglob("*.png")}
    assert pictures, "a run draws figures"
    table = tmp_path / "own.csv"
    parts = [f"{name} {i}" for name, n in (("shape", 4), ("colour", 3)) for i in range(1, n + 1)]
    rows = [[*range(7), "round"], [*range(7, 0, -1), "square"], [*range(7), ""]]
    table.write_text("\n".join(",".join(map(str, row)) for row in [[*parts, "label"], *rows]))
    for name, *rest in (
        ("adapt", f"ckpt_path={run}", f"table={table}", "trust=true", f"out={tmp_path / 'out'}"),
        ("replay", str(run), "task=test/3", "trust=true"),
        ("evaluate", search, f"ckpt_path={run}", "evaluation.tasks=10"),
        ("report", str(run)),
    ):
        done = program(name, *rest, folder=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
    (answer,) = csv.DictReader((tmp_path / "out" / "predictions.csv").open())
    assert answer["predicted"] == "round"  # equal to the example of that class
