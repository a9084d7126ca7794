"""why.py: every difference between a run and a paper, and effects that come from their sources."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli import call, mistake, train
from helpers import ROOT, config

from innerloop.evaluation import schema
from innerloop.evaluation.schema import Results
from innerloop.experiment.differences import Difference, differences
from innerloop.experiment.papers import paper_setting, papers
from innerloop.machine.mappings import read_json, read_yaml
from innerloop.programs import why
from innerloop.reporting.effects import measured
from innerloop.startup import published

EFFECTS: list[dict[str, Any]] = read_yaml(ROOT / "docs/effects.yaml")["effects"]
SMALL = ("debug=fast", "logger=none")


def results(name: str) -> Results:
    return schema.read(read_json(ROOT / name))


def differing(paper: str, *overrides: str) -> dict[str, tuple[object, object]]:
    """What differs between a paper and a run with these overrides, by key."""
    run = config(*overrides)
    run.hydra = None
    found = differences(run, paper_setting(paper, run))
    return {entry.key: (entry.ours, entry.theirs) for entry in found}


def test_papers_are_read_from_the_published_figures() -> None:
    known = papers()
    assert {"omniglot_maml_5way_1shot", "sinusoid_maml_5shot"} <= set(known["maml2017"])
    assert {"protonet2017", "mamlpp2019", "meta_curvature2019"} <= set(known)
    named = [name for names in known.values() for name in names]
    assert set(named) <= set(published.figures()) and len(named) == len(set(named))


@pytest.mark.parametrize("experiment", ["sinusoid_maml_5shot", "miniimagenet_mamlpp_5way_5shot"])
def test_a_run_of_a_papers_setting_does_not_differ_from_it(experiment: str) -> None:
    assert differing(experiment, f"experiment={experiment}", "seed=3", "workers=2") == {}


def test_every_changed_value_is_a_difference_and_what_follows_it_is_not() -> None:
    words = ("experiment=omniglot_maml_5way_1shot", "episode.shots=3", "outer.steps=7")
    changed = differing("omniglot_maml_5way_1shot", *words)
    assert changed == {"episode.shots": (3, 1), "outer.steps": (7, 60000)}


def test_another_network_is_one_difference() -> None:
    words = ("experiment=miniimagenet_maml_5way_1shot", "model=resnet12", "norm=support")
    changed = differing("maml2017", *words)
    assert changed == {"model": ("resnet12", "conv4_32"), "norm": ("support", "transductive")}


def test_the_setting_of_a_paper_that_is_nearest_to_the_run_is_taken() -> None:
    for words, nearest in {
        ("dataset=miniimagenet", "episode.shots=5"): "miniimagenet_maml_5way_5shot",
        ("dataset=miniimagenet", "episode.shots=1"): "miniimagenet_maml_5way_1shot",
        ("dataset=omniglot", "episode.shots=5"): "omniglot_maml_5way_5shot",
        ("dataset=sinusoid", "episode.shots=5"): "sinusoid_maml_5shot",
    }.items():
        run = config(*words)
        run.hydra = None
        assert paper_setting("maml2017", run).experiment == nearest


def test_a_run_is_judged_against_a_paper(tmp_path: Path, capsys: Any) -> None:
    words = ("experiment=sinusoid_maml_5shot", "inner.rate=0.02", "evaluation.scored_step=1")
    run, file = tmp_path / "run", tmp_path / "why.json"
    test = train(run, *words, *SMALL)["test"]
    call("why", str(run), "paper=maml2017", f"json={file}")
    content = json.loads(file.read_text())
    assert content["paper"] == "sinusoid_maml_5shot"
    rows = {row["key"]: row for row in content["differences"]}
    assert (rows["inner.rate"]["ours"], rows["inner.rate"]["theirs"]) == (0.02, 0.01)
    assert rows["inner.rate"]["effect"] is None and rows["inner.rate"]["about"] == "inner loop"
    first = content["differences"][0]
    assert first["key"] == "evaluation.scored_step" and first["about"] == "test protocol"
    later = test[f"mse/step_{first['theirs']}"]["mean"]
    assert first["effect"]["difference"] == pytest.approx(test["mse"]["mean"] - later)
    shown = capsys.readouterr().out
    assert "not measured" in shown and "Finn et al. 2017" in shown and "[1]" in shown


def test_effects_are_ranked_by_size_and_turn_their_sign_with_the_values() -> None:
    run = results("docs/results/omniglot_maml_cpu_seed0.json")
    gain = measured("norm", "transductive", "support", run)
    loss = measured("norm", "support", "transductive", run)
    assert gain is not None and loss is not None
    assert gain.difference == pytest.approx(97.68 - 95.39) and loss.difference == -gain.difference
    assert "omniglot, 5-way 1-shot" in gain.on  # and not miniimagenet, nor 5 shots
    assert measured("norm", "running", "transductive", run) is None
    assert measured("inner.rate", 0.4, 0.1, run) is None
    changed = measured("init_from", "outputs/there", None, run)
    assert changed is not None and changed.difference == pytest.approx(64.42 - 49.92)


def test_rows_of_a_table_measure_an_algorithm() -> None:
    run = results("docs/results/omniglot_protonet_cpu_seed0.json")
    effect = measured("algorithm", "protonet", "relation_net", run)
    folder = ROOT / "docs/tables/omniglot"
    means = [
        json.loads((folder / f"omniglot_{name}_cpu.json").read_text())["test"]["accuracy"]["mean"]
        for name in ("protonet", "relation_net")
    ]
    assert effect is not None and effect.source == "docs/tables/omniglot.md"
    assert effect.difference == pytest.approx(100 * -np.diff(means)[0])


def test_two_figures_of_one_paper_measure_an_algorithm() -> None:
    run = results("docs/results/miniimagenet_fomaml_cpu_seed0.json")
    effect = measured("algorithm", "fomaml", "maml", run)
    assert effect is not None and effect.difference == pytest.approx(48.07 - 48.70)


@pytest.mark.parametrize("entry", EFFECTS, ids=lambda e: f"{e['key']}-{e['dataset']}-{e['shots']}")
def test_an_effect_names_choices_that_exist_and_its_source(entry: dict[str, Any]) -> None:
    groups = {folder.name for folder in (ROOT / "conf").iterdir() if folder.is_dir()}
    for group, names in {"dataset": [entry["dataset"]], "algorithm": [entry["algorithm"]]}.items():
        assert all((ROOT / f"conf/{group}/{name}.yaml").exists() for name in names)
    if entry["key"] in groups:
        files = [ROOT / f"conf/{entry['key']}/{name}.yaml" for name in entry["scores"]]
        assert all(file.exists() for file in files)
    assert len(entry["scores"]) > 1 and len(entry["source"]) > 10 and entry["unit"] == "%"


def test_a_paper_or_a_run_that_is_not_known_is_refused(tmp_path: Path) -> None:
    assert "why.py RUN" in mistake("why", "paper=maml2017")
    assert str(tmp_path) in mistake("why", str(tmp_path))
    run = config("dataset=omniglot")
    run.hydra = None
    from innerloop.errors import UserError

    with pytest.raises(UserError, match="Did you mean maml2017"):
        paper_setting("maml2016", run)
    with pytest.raises(UserError, match="protonet2017"):
        paper_setting(None, config("dataset=glyphs"))


@pytest.mark.parametrize("key", ["dataset", "episode.test.shots", "outer.steps"])
def test_scores_are_subtracted_only_where_the_test_tasks_are_alike(key: str) -> None:
    run = results("docs/results/omniglot_maml_cpu_seed0.json")
    paper = paper_setting("omniglot_maml_5way_1shot", config("algorithm=maml", "dataset=omniglot"))
    lines = list(why._verdict([why.Ranked(Difference(key, 1, 2), None)], run, paper))
    gap = published.figures()[paper.experiment]["paper"]["value"] - 100 * run.headline.mean
    if key == "outer.steps":
        assert lines[-1] == f"The run is {gap:.4g} points below the paper."
    else:
        assert lines[-1].endswith(f"of tasks with another {key}.")


def test_learners_without_inner_steps_do_not_differ_in_them() -> None:
    words = ("experiment=omniglot_protonet_5way_1shot", "inner.steps=7", "outer.steps=7")
    assert set(differing("protonet2017", *words)) == {"outer.steps"}
