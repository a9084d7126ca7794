"""Every file of conf/ is composed, and run for a few steps if its data need no download."""

from pathlib import Path

import pytest
import torch
from cli import FAST, results, train
from helpers import CONF, algorithm, choices, config, data_for, kind, learners
from hydra import initialize_config_dir
from omegaconf import OmegaConf
from PIL import Image

from innerloop.engines.engine import Engine
from innerloop.evaluation.sizes import setting
from innerloop.experiment import opening, stored
from innerloop.experiment.parts.learner import build_engine, build_learner
from innerloop.experiment.problem import build_problem
from innerloop.tasks import Episode

EVERY_FILE = sorted(str(p.relative_to(CONF).with_suffix("")) for p in CONF.rglob("*.yaml"))
EXTRAS = {  # files that need a library of an extra
    "model/timm": "timm",
    "algorithm/easyfsl": "easyfsl",
    "dataset/halfcheetah_direction": "mujoco",
    "dataset/ant_direction": "mujoco",
}
ACTING = {"dataset": "navigation2d", "algorithm": "maml_rl"}  # of files about environments
RUN_ELSEWHERE = {"logger/wandb", "trainer/gpu", "trainer/ddp", "train", "evaluate"}


def text(file: str) -> str:
    return (CONF / f"{file}.yaml").read_text()


def overrides(file: str) -> list[str]:
    group, _, choice = file.rpartition("/")
    if group.startswith("pairs/"):
        return [f"dataset={Path(group).name}", f"algorithm={choice}"]
    images = (group, choice) == ("training", "batches") or group == "model"
    images = images or (choice in choices("algorithm") and kind(choice).needs_classes)
    more = ["dataset=glyphs"] if images else []
    acts = group in ("algorithm", "dataset", "objective") and "environment" in text(file)
    more += [f"{key}={own}" for key, own in ACTING.items() if acts and key != group]
    if group == "objective" and not acts:
        more += judged_by(choice)
    more += ["dataset.path=nowhere"] if choice in ("folder", "arrays") else []
    named = ("meta_album", "hugging_face", "hugging_face_text")
    more += ["dataset.name=BRD_Mini"] if choice in named else []
    if group == "encoder":
        data = "huffpost" if "text_encoder" in text(file) else "omniglot"
        more += [f"dataset={data}", "algorithm=centroid"]
    more += (
        ["encoder=glove"] if group == "dataset" and "features of an encoder" in text(file) else []
    )
    more += ["encoder.name=resnet18", "encoder.width=512"] if file == "encoder/timm" else []
    more += ["encoder.path=x", "encoder.width=768"] if file == "encoder/transformer" else []
    more += ["algorithm=baseline"] if file == "training/batches" else []
    return [f"{group}={choice}", *more] if group else []


def judged_by(objective: str) -> list[str]:
    """The data set that chooses an objective, if one does."""
    wanted = f"override /objective: {objective}\n"
    data = [name for name in choices("dataset") if wanted in text(f"dataset/{name}")]
    return [f"dataset={data[0]}"] if data else []


def chosen_data(experiment: str) -> str:
    """The data set of an experiment, from its own list of defaults or from those that it names."""
    data = "sinusoid"
    for entry in OmegaConf.load(CONF / "experiment" / f"{experiment}.yaml").get("defaults", []):
        if isinstance(entry, str) and entry != "_self_":
            data = chosen_data(entry)
        elif not isinstance(entry, str) and "override /dataset" in entry:
            data = entry["override /dataset"]
    return data


def without_files() -> list[str]:
    """The experiments whose data sets read nothing from the disk."""
    return [name for name in choices("experiment") if not reads_files(chosen_data(name))]


def reads_files(data: str) -> bool:
    """Whether a data set, or one that it builds on, has a folder or a file of its own."""
    text = (CONF / "dataset" / f"{data}.yaml").read_text()
    marks = ("paths.data", "path: ???", "parts:")
    bases = [entry for entry in OmegaConf.create(text).get("defaults", []) if entry != "_self_"]
    return any(mark in text for mark in marks) or any(
        reads_files(entry) for entry in bases if isinstance(entry, str)
    )


def skip_without_its_extra(file: str) -> None:
    group, _, choice = file.rpartition("/")
    own = f"dataset/{chosen_data(choice)}" if group == "experiment" else file
    if own in EXTRAS:
        pytest.importorskip(EXTRAS[own])


@pytest.mark.parametrize("file", EVERY_FILE)
def test_every_config_file_composes_and_resolves(file: str) -> None:
    skip_without_its_extra(file)
    settings = config(*overrides(file), *(["ckpt_path=x"] if file == "evaluate" else []),
                  name="evaluate" if file == "evaluate" else "train")  # fmt: skip
    settings.hydra = None
    if settings.training.kind == "batches":
        settings.training.classes = 9  # otherwise read from the data
    OmegaConf.to_container(settings, resolve=True, throw_on_missing=True)
    learner = build_problem(settings).algorithm
    built = build_learner(settings, learner, build_engine(settings, learner, "cpu"))
    assert built.steps == settings.outer.steps


@pytest.mark.figures
@pytest.mark.parametrize("name", learners())
@pytest.mark.parametrize("dataset", ["sinusoid", "glyphs"])
def test_every_algorithm_runs(tmp_path: Path, name: str, dataset: str) -> None:
    if dataset == "sinusoid" and algorithm(name).needs_classes:
        pytest.skip("refuses regression, as test_contract.py shows")
    learns_from = taught(tmp_path / "teacher", name, dataset)
    folder = tmp_path / "run"
    result = train(folder, f"algorithm={name}", *learns_from, *data_for(name, dataset), *FAST)
    metric = "mse" if dataset == "sinusoid" else "accuracy"
    assert result["algorithm"] == name
    assert result["test"][metric]["tasks"] == 4
    assert (f"{metric}/step_10" in result["test"]) == algorithm(name).adapts_by_steps
    assert (folder / "adaptation.png").stat().st_size > 5000


def taught(folder: Path, name: str, dataset: str) -> list[str]:
    """Trains a teacher for an algorithm that needs one, and the override that names it."""
    if getattr(algorithm(name), "teacher", None) is None:
        return []
    train(folder, "algorithm=rfs", *data_for("rfs", dataset), *FAST)
    return [f"distil_from={folder}"]


@pytest.mark.parametrize("name", without_files())
def test_every_experiment_without_files_runs(tmp_path: Path, name: str) -> None:
    skip_without_its_extra(f"experiment/{name}")
    assert train(tmp_path, f"experiment={name}", *FAST)["experiment"] == name


@pytest.mark.parametrize("name", choices("model"))
def test_every_model_learns_from_images(name: str) -> None:
    skip_without_its_extra(f"model/{name}")
    small = ("episode.ways=2", "episode.queries=1", "outer.tasks=2", "inner.rate=0.001")
    settings = config("algorithm=fomaml", "dataset=glyphs", f"model={name}", *small)
    settings.hydra = None
    learner, data = (problem := build_problem(settings)).algorithm, problem.data
    batch = data.on_after_batch_transfer(data.training_batch(0), 0)
    loss, gradient = Engine().meta_gradient(learner, batch, torch.tensor(0.0))
    assert torch.isfinite(loss) and all(torch.isfinite(g).all() for g in gradient.values())
    assert sum(bool(g.abs().max() > 0) for g in gradient.values()) > len(gradient) / 2


@pytest.mark.parametrize("name", choices("engine"))
def test_every_engine_runs(tmp_path: Path, name: str) -> None:
    result = train(tmp_path, f"engine={name}", *FAST)
    assert result["engine"]["name"] == ("vmap" if name == "auto" else name)


@pytest.mark.parametrize("mode", ["transductive", "support", "running"])
@pytest.mark.parametrize("name", ["maml", "protonet"])
def test_every_norm_runs_and_is_named_in_the_results(tmp_path: Path, name: str, mode: str) -> None:
    result = train(tmp_path, f"algorithm={name}", "dataset=glyphs", f"norm={mode}", *FAST)
    assert result["norm"] == mode


def test_a_folder_of_images_runs(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        for name in "ab":
            (tmp_path / "mine" / split / name).mkdir(parents=True)
            for i in range(3):
                Image.new("RGB", (9, 9), (i * 40, ord(name), 0)).save(
                    tmp_path / "mine" / split / name / f"{i}.png"
                )
    size = ("dataset.size=16", "episode.ways=2", "episode.queries=1", "inner.steps=1")
    train(tmp_path / "run", "dataset=folder", f"dataset.path={tmp_path / 'mine'}", *size, *FAST)
    assert results(tmp_path / "run")["dataset"] == "folder"


def test_the_inner_loop_grid_runs_every_combination(tmp_path: Path) -> None:
    from cli import call

    call(
        "train",
        "search=inner_loop",
        f"hydra.sweep.dir={tmp_path}",
        "hydra.sweep.subdir=${hydra.job.num}",
        *FAST,
    )
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_dir()) == [str(i) for i in range(6)]


def test_published_settings_are_announced() -> None:
    for name in choices("experiment"):
        settings = config(f"experiment={name}")
        if settings.published is None:
            continue
        test, names = settings.episode.test, settings.names
        own = setting(names.dataset, names.algorithm, Episode.of(test))
        assert name == own or name.startswith(f"{own}_")  # a second way to the same setting
        with initialize_config_dir(str(CONF), version_base="1.3"):
            settings.hydra = None
            paper = opening.paper_of(settings)
            assert paper is not None
            first, second = opening.published(settings, paper)
            assert first.startswith("the published setting")
            assert second.startswith("it deviates in") and settings.deviates in second
            settings.outer.steps += 1
            (line,) = opening.published(settings, paper)
            assert f"experiment={name}" in line and "outer.steps" in line
            settings.outer.steps = 3
            (line,) = opening.published(settings, paper)
            assert line.startswith(f"a short run: 3 of the paper's {paper.outer.steps:,} steps")


def test_a_setting_that_is_in_no_paper_is_not_announced() -> None:
    own = config("experiment=sinusoid_cnp_5shot", "outer.steps=7")
    own.hydra = None
    assert own.published is None
    with initialize_config_dir(str(CONF), version_base="1.3"):
        assert opening.paper_of(own) is None


def _hash(*overrides: str) -> str:
    settings = config("dataset=omniglot", *overrides)
    settings.hydra = None
    return stored.fingerprint(settings)


def test_the_hash_of_a_setting_follows_what_moves_its_result() -> None:
    for same in ("engine.checkpoint=true", "dataset.on_device=false", "trainer=cpu", "seed=3"):
        assert _hash(same) == _hash(), same
    moving = ("trainer.precision=bf16-mixed", "trainer.matmul=tf32", "outer.tasks=5")
    for other in (*moving, "inner.rate=0.3"):
        assert _hash(other) != _hash(), other


PAIRS = sorted((p.parent.name, p.stem) for p in (CONF / "pairs" / "None").glob("*/*.yaml"))


@pytest.mark.parametrize(("dataset", "algorithm"), PAIRS)
def test_a_pair_of_choices_has_defaults_and_the_command_line_wins(
    dataset: str, algorithm: str
) -> None:
    """`~pairs` leaves them out; an experiment has its own setting and no defaults of a pair."""
    pair = [f"dataset={dataset}", f"algorithm={algorithm}"]
    with_them, without = config(*pair), config(*pair, "~pairs")
    typed = config(*pair, "outer.tasks=7")
    assert dataset in choices("dataset") and algorithm in choices("algorithm")
    assert with_them.episode.ways > with_them.episode.test.ways == without.episode.test.ways
    assert typed.outer.tasks == 7 and typed.episode.ways == with_them.episode.ways


def test_an_experiment_has_no_defaults_of_a_pair() -> None:
    for name in ("omniglot_matching_networks_5way_1shot", "miniimagenet_protonet_5way_1shot"):
        chosen = config(f"experiment={name}").hydra.runtime.choices
        assert not (CONF / "pairs" / f"{chosen.pairs}.yaml").exists()


def test_the_opening_names_what_a_pair_brings(tmp_path: Path) -> None:
    settings = config("dataset=omniglot", "algorithm=protonet", "seed=3")
    settings.hydra = None
    settings.paths.run = str(tmp_path)
    opening.open_run(settings)
    lines = (tmp_path / opening.DIFFERENCES).read_text().splitlines()
    assert lines[:2] == ["--- defaults of omniglot", "+++ protonet on it"]
    assert "-episode.ways: 5" in lines and "+episode.ways: 60" in lines
