"""outer.steps=0: a learner is validated and tested as it is, on images or on frozen features."""

from pathlib import Path

import pytest
from cli import FAST, evaluate, mistake, train
from PIL import Image

from innerloop.evaluation import schema
from innerloop.evaluation.stamps import of_joint_queries, of_selection
from innerloop.reporting.summary import SEEN, by_data_set
from innerloop.tasks import Episode

AS_IT_IS = (*FAST, "outer.steps=0")
BALANCED = "queries balanced by construction"


def test_a_learner_is_tested_as_it_is_and_can_be_tested_again(tmp_path: Path) -> None:
    chosen = ("dataset=glyphs", "algorithm=protonet")
    result = train(tmp_path / "run", *chosen, *AS_IT_IS)
    assert result["checkpoint"]["step"] == result["outer"]["steps"] == 0
    assert result["checkpoint"]["validation"]["accuracy"] > 0
    assert result["tasks_per_second"] is None and result["missing"] == []
    again = evaluate(tmp_path / "again", f"ckpt_path={tmp_path / 'run'}", "logger=none")
    assert again["test"]["accuracy"]["mean"] == result["test"]["accuracy"]["mean"]


def test_the_start_can_be_the_body_of_a_trained_classifier(tmp_path: Path) -> None:
    data = ("dataset=glyphs", "dataset.classes={train: 9}")
    train(tmp_path / "classifier", *data, "algorithm=baseline", *FAST)
    start = f"init_from={tmp_path / 'classifier'}"
    for name in ("simpleshot", "laplacianshot"):
        result = train(tmp_path / name, *data, f"algorithm={name}", start, *AS_IT_IS)
        assert result["init_from"]["algorithm"] == "baseline"
        assert (BALANCED in result["audit"]["stamps"]) == (name == "laplacianshot")


def test_training_without_parameters_is_refused(tmp_path: Path) -> None:
    identity = ("model=identity", "dataset=glyphs", "algorithm=protonet")
    message = mistake("train", f"hydra.run.dir={tmp_path}", *identity, *FAST)
    assert "no parameters to train" in message and "outer.steps=0" in message


def test_a_balance_that_was_not_constructed_gets_no_stamp() -> None:
    equal, unequal = Episode(5, 1, 15), Episode(5, 1, 15, query_balance="dirichlet")
    assert of_joint_queries(True, equal) == [BALANCED]
    assert of_joint_queries(False, equal) == of_joint_queries(True, unequal) == []


def test_a_rate_that_was_chosen_on_the_test_domain_is_stamped(tmp_path: Path) -> None:
    assert of_selection(0) == []
    chosen = ("dataset=glyphs", "algorithm=finetune_per_domain")
    result = train(tmp_path, *chosen, *AS_IT_IS)
    assert of_selection(5)[0] in result["audit"]["stamps"]
    assert result["test"]["rate"]["mean"] in (0.0, *(pytest.approx(10.0**-k) for k in (2, 3, 4)))


def folder_of_images(root: Path) -> Path:
    for split in ("train", "val", "test"):
        for name in (f"{split} things", "goldfish"):
            (root / split / name).mkdir(parents=True)
            for i in range(4):
                colour = (i * 40, 200 * (name == "goldfish"), len(split) * 20)
                Image.new("RGB", (9, 9), colour).save(root / split / name / f"{i}.png")
    return root


def test_a_head_on_frozen_features_names_its_encoder_and_what_it_has_seen(tmp_path: Path) -> None:
    pytest.importorskip("efficientnet_lite_pytorch")
    data = ("dataset=folder", f"dataset.path={folder_of_images(tmp_path / 'images')}")
    sizes = ("episode.ways=2", "episode.queries=2", "encoder.size=32", "dataset.size=9")
    chosen = ("encoder=efficientnet_lite0", "algorithm=centroid")
    result = train(tmp_path / "run", *data, *chosen, *sizes, *FAST, "outer.steps=0")
    assert result["encoder"] == {
        "name": "efficientnet-lite0",
        "pretrained_on": "ImageNet-1k",
        "test_classes": 2,
        "seen_classes": ["goldfish"],
    }
    assert not list((tmp_path / "images").rglob("train.f32"))  # the training split was not needed
    table = by_data_set([schema.read(result)])
    assert (
        SEEN in table and "at least 1 of 2" in table and "features of efficientnet-lite0" in table
    )
