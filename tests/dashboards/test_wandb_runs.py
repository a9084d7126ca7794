"""What a run logs to W&B, read back with W&B's own reader and compared with the run's files."""

import csv
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import yaml
from cli import call, mistake, train
from dashboards.offline import Offline, parts
from dashboards.specification import drawn
from PIL import Image

from innerloop.dashboards.identity import sweep_name
from innerloop.data.sets.glyphs import Glyphs
from innerloop.outer.meta_learner import MetaLearner
from innerloop.programs import dashboard
from innerloop.tasks import Episode

pytestmark = pytest.mark.figures

FAST = ("debug=fast", "logger=wandb", "logger.wandb.code=false", "logger.wandb.checkpoint=false")
SEED = 20170306  # of the test tasks


@pytest.fixture(scope="module", autouse=True)
def _no_key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_IDENTITY_TOKEN_FILE", "WANDB_DATA_DIR"):
            patch.delenv(name, raising=False)
        patch.setenv("NETRC", str(home / "netrc"))
        patch.setenv("XDG_DATA_HOME", str(home))
        for name in ("WANDB_CONFIG_DIR", "WANDB_CACHE_DIR"):
            patch.setenv(name, str(home))
        yield
        assert not list(home.rglob("staging")), "W&B copied files into the home folder"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("glyphs")
    train(folder, "debug=fast", "dataset=glyphs", "logger=[csv,wandb]", "tags=[one,two]")
    return folder


@pytest.fixture(scope="module")
def wandb_run(folder: Path) -> Offline:
    (part,) = parts(folder)
    return part


@pytest.fixture(scope="module")
def results(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "results.json").read_text())  # type: ignore[no-any-return]


def test_the_run_has_its_name_project_tags_and_job_type(wandb_run: Offline) -> None:
    assert wandb_run.run["display_name"] == "maml_glyphs_5w1s_seed0"
    assert wandb_run.run["project"] == "innerloop"
    assert wandb_run.run["tags"] == ["one", "two"]
    assert wandb_run.run["job_type"] == "train"
    assert "run_group" not in wandb_run.run
    assert wandb_run.exit_code == 0


def test_every_metric_is_logged_over_the_outer_step(folder: Path, wandb_run: Offline) -> None:
    with (folder / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    names = set(rows[0]) - {"step", "epoch"}
    assert {n.split("/")[0] for n in names} >= {"train", "val", "test"}
    curves = {name for name in names if "test" not in name.split("/")[:2]}
    for name in names - curves:  # a single number is no chart
        assert name not in wandb_run.names
        (value,) = [float(row[name]) for row in rows if row[name]]
        assert wandb_run.summary[name] == pytest.approx(value, rel=1e-6, nan_ok=True)
    for name in curves:
        kept = {int(row["step"]): float(row[name]) for row in rows if row[name]}
        logged = wandb_run.history(name)
        assert logged == pytest.approx(kept, rel=1e-6, nan_ok=True), name
    assert "epoch" not in wandb_run.names


def test_every_config_entry_is_logged(folder: Path, wandb_run: Offline) -> None:
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert {key: wandb_run.config[key] for key in config} == config
    assert wandb_run.config["setting"] == "glyphs_maml_5way_1shot"


def test_every_figure_is_logged_unchanged(folder: Path, wandb_run: Offline) -> None:
    left = [p for p in folder.rglob("*.png") if "wandb" not in p.relative_to(folder).parts]
    sent = [wandb_run.picture(name) for name in wandb_run.names if name.startswith("figures/")]
    assert left and sorted(p.read_bytes() for p in sent) == sorted(p.read_bytes() for p in left)
    assert "figures/adaptation" in wandb_run.names


def test_the_logged_curve_equals_the_results(wandb_run: Offline, results: dict[str, Any]) -> None:
    means = {k: results["test"][f"accuracy/step_{k}"]["mean"] for k in range(11)}
    rows = wandb_run.table("test/curve")
    assert {row["inner_step"]: row["mean"] for row in rows} == pytest.approx(means)
    half = [results["test"][f"accuracy/step_{k}"]["ci95"] for k in range(11)]
    assert [row["ci95"] for row in rows] == pytest.approx(half)
    assert wandb_run.history("adaptation/accuracy", "inner_step") == pytest.approx(means)
    assert wandb_run.summary["test/accuracy_ci95"] == pytest.approx(half[3])  # scored at step 3
    assert wandb_run.summary["results"]["protocol"] == results["protocol"]
    assert wandb_run.summary["val/accuracy_best"] == results["checkpoint"]["validation"]["accuracy"]


def test_the_numbers_of_the_test_are_one_table(wandb_run: Offline, results: dict[str, Any]) -> None:
    rows = {row["metric"]: row for row in wandb_run.table("test/numbers")}
    assert set(rows) == {name for name in results["test"] if "/step_" not in name}
    for name, row in rows.items():
        for column in ("mean", "ci95"):
            assert row[column] == pytest.approx(results["test"][name][column])


def test_an_evaluated_run_names_its_training(
    folder: Path, wandb_run: Offline, tmp_path: Path
) -> None:
    call("evaluate", f"ckpt_path={folder}", f"hydra.run.dir={tmp_path / 'again'}",
         "logger=wandb", "evaluation.tasks=4", "evaluation.audit=0")  # fmt: skip
    (tested,) = parts(tmp_path / "again")
    training = tested.config["trained_by"]
    assert training["wandb"]["id"] == wandb_run.run["run_id"] != tested.run["run_id"]
    assert Path(training["checkpoint"]).parent.parent == folder
    assert wandb_run.run["run_id"] in tested.run["notes"]
    assert "trained_by" not in wandb_run.config


def test_an_experiment_that_was_chosen_names_the_run(tmp_path: Path) -> None:
    train(tmp_path, "experiment=sinusoid_maml_5shot", *FAST)
    (part,) = parts(tmp_path)
    assert part.run["display_name"] == "sinusoid_maml_5shot_seed0"


def test_the_logged_episodes_are_those_of_the_test(folder: Path, wandb_run: Offline) -> None:
    rows = wandb_run.table("test/episodes")
    shown = Glyphs(size=28).tasks("test", np.arange(2), Episode(5, 1, 5), SEED)
    with np.load(folder / "scores.npz") as scores:
        accuracy = scores["curve/accuracy"][:2, 3]
    assert len(rows) == 2 * (5 + 25)
    for task in range(2):
        for name, examples in (("support", shown.support), ("query", shown.query)):
            own = [row for row in rows if row["task"] == task and row["set"] == name]
            assert [row["label"] for row in own] == examples.targets[task].tolist()
            for row, image in zip(own, examples.inputs[task], strict=True):
                picture = np.asarray(Image.open(row["input"]["path"]).convert("L"))
                assert np.array_equal(picture, image[0].numpy())
            hits = [row["label"] == row["prediction"] for row in own]
            if name == "query":
                assert np.mean(hits) == pytest.approx(accuracy[task])
                assert all(1 / 5 <= row["confidence"] <= 1 for row in own)
            else:
                assert {row["prediction"] for row in own} == {None}


def test_code_and_best_checkpoint_are_artifacts(folder: Path, wandb_run: Offline) -> None:
    (model,), (code,) = wandb_run.artifacts("model"), wandb_run.artifacts("code")
    (file,) = model
    assert int(file["size"]) == (folder / "checkpoints" / "best.ckpt").stat().st_size
    assert Path(file["local_path"]).is_relative_to(folder)  # `wandb sync` finds it there
    names = {entry["path"] for entry in code}
    assert {"src/train.py", "src/innerloop/algorithms/gradient/maml.py", "conf/train.yaml"} <= names


@pytest.fixture(scope="module")
def hunt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep whose second member diverges."""
    folder = tmp_path_factory.mktemp("sweeps") / "hunt"
    rates = "outer.optimizer.lr=0.001,1e30"
    message = mistake("train", "--multirun", rates, f"hydra.sweep.dir={folder}", *FAST)
    assert "1 of the 2 members" in message
    return folder


@pytest.fixture(scope="module")
def members(hunt: Path) -> list[Offline]:
    return [part for i in (0, 1) for part in parts(next(hunt.glob(f"{i}_*")))]


def test_members_of_a_sweep_share_only_a_group(members: list[Offline]) -> None:
    good, bad = members
    assert good.run["run_group"] == bad.run["run_group"] == "hunt"
    assert good.run["run_id"] != bad.run["run_id"]
    assert [part.config["outer"]["optimizer"]["lr"] for part in members] == [0.001, 1e30]
    assert "test/mse" in good.summary and "test/mse" not in bad.summary
    assert not good.artifacts("code") and not good.artifacts("model")


def test_a_run_that_diverges_has_failed(members: list[Offline]) -> None:
    assert [part.exit_code for part in members] == [0, 1]


def test_regression_episodes_show_their_targets(hunt: Path, members: list[Offline]) -> None:
    with np.load(next(hunt.glob("0_*")) / "scores.npz") as scores:
        for task in range(2):
            rows = [r for r in members[0].table("test/episodes") if r["task"] == task]
            queries = [r for r in rows if r["set"] == "query"]
            assert len(rows) == 5 + len(queries) == 5 + 100
            for name, step in (("before", 0), ("prediction", 10)):
                errors = [(row["y"] - row[name]) ** 2 for row in queries]
                assert np.mean(errors) == pytest.approx(scores["curve/mse"][task, step], rel=1e-4)


def test_the_dashboard_draws_only_what_runs_log(wandb_run: Offline, members: list[Offline]) -> None:
    metrics, entries = drawn(dashboard.spec("us", "mine", ["glyphs", "sinusoid"]))
    logged = {name for run in (wandb_run, members[0]) for name in run.names | set(run.summary)}
    assert metrics >= {"val/accuracy", "adaptation/mse", "test/accuracy", "outer_step"}
    elsewhere = {metric.name for metric in dashboard.metrics()} - {"accuracy", "mse"}
    suffix = "_(before|best|ci95)$"
    here = {m for m in metrics if re.sub(suffix, "", m.split("/")[-1]) not in elsewhere}
    assert here <= logged | {"outer_step", "inner_step"}
    for entry in entries:
        value = wandb_run.config
        for part in entry.split("."):
            assert part in value, entry
            value = value[part]


def test_a_sweep_is_named_after_its_folder_and_day() -> None:
    assert sweep_name(Path("outputs/multirun/2026-11-24/12-06-01")) == "2026-11-24_12-06-01"
    assert sweep_name(Path("outputs/multirun/rates")) == "rates"


def test_a_resumed_run_continues_the_same_wandb_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = ("outer.steps=6", "evaluation.validation.every=2", "logger.wandb.episodes=0")
    with stopping_at(4):
        train(tmp_path, *steps, *FAST)
    later = f"wandb sync {tmp_path}/wandb/offline-run-*"
    assert f"W&B stays offline (no key is set); later: {later}" in capsys.readouterr().out
    (stopped,) = parts(tmp_path)
    assert stopped.exit_code == 1
    call("train", f"resume={tmp_path}")
    _, went_on = parts(tmp_path)
    assert went_on.run["run_id"] == stopped.run["run_id"]
    assert went_on.run["display_name"] == stopped.run["display_name"]
    assert went_on.exit_code == 0
    assert sorted(went_on.history("train/mse")) == [5, 6]
    with stopping_at(0):  # the programs refuse this: a folder holds one run
        train(tmp_path, *steps, *FAST)
    assert len(parts(tmp_path)) == 2


@contextmanager
def stopping_at(step: int) -> Iterator[None]:
    """While open, trainings end before that outer step, as by Ctrl-C."""
    outer_step = MetaLearner.outer_step

    def stops(self: MetaLearner, tasks: Any, number: int) -> Any:
        if number == step:
            raise KeyboardInterrupt
        return outer_step(self, tasks, number)

    with mock.patch.object(MetaLearner, "outer_step", stops), pytest.raises(SystemExit):
        yield
