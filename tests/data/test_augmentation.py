"""Random changes of training images: bounds, independence of images, and where they apply."""

import csv
import math
from pathlib import Path

import pytest
import torch
from cli import FAST, mistake, train
from helpers import config

from innerloop.data.augmentation import Augmentation
from innerloop.errors import UserError

NOTHING = {"crop": (1.0, 1.0), "stretch": 1.0, "flip": 0.0, "brightness": 0.0, "contrast": 0.0}


def test_with_every_change_off_images_stay_as_they_are() -> None:
    images = torch.randn(2, 3, 3, 9, 9, dtype=torch.float64)
    torch.testing.assert_close(Augmentation(**NOTHING)(images), images)


def test_a_certain_flip_is_a_mirror_image() -> None:
    images = torch.randn(4, 3, 8, 8, dtype=torch.float64)
    flipped = Augmentation(**NOTHING | {"flip": 1.0})(images)
    torch.testing.assert_close(flipped, images.flip(-1))


def test_half_of_the_images_are_flipped() -> None:
    images = torch.randn(1, 1, 6, 6).expand(4000, 1, 6, 6).contiguous()
    changed = Augmentation(**NOTHING | {"flip": 0.5})(images)
    share = (changed - images).abs().flatten(1).amax(1).gt(1e-4).float().mean()
    assert abs(float(share) - 0.5) < 4 * 0.5 / 4000**0.5


def test_a_crop_shows_a_part_of_the_area_within_its_bounds() -> None:
    """The image is its own coordinates, from which the position of each crop can be read."""
    axis = torch.linspace(-1 + 1 / 32, 1 - 1 / 32, 32)
    places = torch.stack(torch.meshgrid(axis, axis, indexing="ij")).expand(3000, 2, 32, 32)
    cropped = Augmentation(**NOTHING | {"crop": (0.4, 0.8), "stretch": 4 / 3})(places)
    side = (cropped.amax((2, 3)) - cropped.amin((2, 3))) / (2 - 2 / 32)
    area, ratio = side.prod(1), side[:, 1] / side[:, 0]
    assert float(area.min()) > 0.36 and float(area.max()) < 0.81
    assert float(ratio.max()) < 4 / 3 + 0.02 and float(ratio.min()) > 3 / 4 - 0.02
    assert abs(float(area.sqrt().mean()) - (0.4**0.5 + 0.8**0.5) / 2) < 0.01


def test_brightness_shifts_and_contrast_stretches_around_the_mean() -> None:
    images = torch.randn(500, 3, 4, 4, dtype=torch.float64)
    changed = Augmentation(**NOTHING | {"brightness": 0.4, "contrast": 0.3})(images)
    shift = (changed - images).mean((1, 2, 3))
    centred = changed - changed.mean((1, 2, 3), keepdim=True)
    factor = centred.std((1, 2, 3)) / images.std((1, 2, 3))
    assert float(shift.abs().max()) <= 0.4 < 0.41 and float(shift.std()) > 0.2
    assert 0.7 <= float(factor.min()) < 0.72 and 1.28 < float(factor.max()) <= 1.3


@pytest.mark.parametrize(
    "wrong", [{"crop": (0.9, 0.4)}, {"stretch": 0.5}, {"flip": 2.0}, {"contrast": 1.0}]
)
def test_impossible_changes_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UserError, match="augment"):
        Augmentation(**wrong)


def test_only_training_images_are_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The untrained learner scores the same; with training, another loss is seen."""
    plain = train(tmp_path / "a", "dataset=glyphs", "outer.steps=0", *FAST)
    changed = train(tmp_path / "b", "dataset=glyphs", "outer.steps=0", "augment=standard", *FAST)
    assert changed["test"] == plain["test"]
    seen: list[torch.Tensor] = []
    call = Augmentation.__call__
    monkeypatch.setattr(
        Augmentation, "__call__", lambda self, x: (seen.append(x), call(self, x))[1]
    )
    train(tmp_path / "c", "dataset=glyphs", "augment=standard", "outer.steps=3", *FAST)
    assert len(seen) == 3 * 2  # support and query of three steps, none of validation or test


def test_inputs_that_are_no_images_are_refused() -> None:
    assert "changes images" in mistake("train", "augment=standard", *FAST)


@pytest.mark.parametrize("choice", ["cosine", "step", "constant"])
def test_a_schedule_by_name_replaces_that_of_an_experiment(choice: str) -> None:
    settings = config(
        "experiment=omniglot_protonet_20way_cpu", f"schedule={choice}", "outer.steps=500"
    )
    scheduler = settings.outer.scheduler
    if choice == "constant":
        assert scheduler is None
    else:
        assert set(scheduler) == {"_target_", "_partial_"} | (
            {"T_max"} if choice == "cosine" else {"step_size", "gamma"}
        )
        assert (scheduler.T_max if choice == "cosine" else scheduler.step_size * 10) == 500


def test_the_rate_follows_half_a_cosine(tmp_path: Path) -> None:
    train(tmp_path, "schedule=cosine", "debug=fast", "outer.steps=8")
    with (tmp_path / "metrics.csv").open() as file:
        rates = [float(row["train/rate"]) for row in csv.DictReader(file) if row["train/rate"]]
    expected = [0.0005 * (1 + math.cos(step * math.pi / 8)) for step in range(8)]
    assert rates == pytest.approx(expected)
