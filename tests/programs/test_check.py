"""The program check.py says what is in a data set."""

from pathlib import Path

import numpy as np
import pytest
from cli import call, mistake
from data import publishers
from PIL import Image

FEW = {"train": {"ant": 7, "bee": 3, "cat": 7}, "val": {"dog": 7, "elk": 7}, "test": {"cat": 2}}


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """Images of two sizes and modes; one is in two splits, one is there twice."""
    number = 0
    for split, classes in FEW.items():
        for name, count in classes.items():
            (tmp_path / split / name).mkdir(parents=True)
            for i in range(count):
                pixels = np.random.default_rng(number := number + 1).integers(0, 255, (9, 9, 3))
                image = Image.fromarray(pixels.astype(np.uint8))
                image = image.resize((12, 9)).convert("L") if name == "dog" else image
                image.save(tmp_path / split / name / f"{i}.png")
    first = (tmp_path / "train" / "ant" / "0.png").read_bytes()
    (tmp_path / "train" / "ant" / "again.png").write_bytes(first)
    (tmp_path / "val" / "elk" / "shared.png").write_bytes(first)
    return tmp_path


def test_what_is_in_a_folder(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = ("episode.ways=2", "episode.shots=1", "episode.queries=5")
    call("check", "dataset=folder", f"dataset.path={mine}", "dataset.size=8", *sizes)
    text = " ".join(capsys.readouterr().out.replace("│", " ").split())
    for expected in (
        "train 3 17 3 7 7", "val 2 15 7 7.5 8", "test 1 2 2 2 2",  # classes, images, fewest, ...
        "1 images are copies of another in their split, and are left out: one of train/ant",
        "1 images are in two splits: val/elk and train/ant share one",
        "1 class names are in more than one split: cat (train, test)",
        "2 different sizes: 9x9 (28), 12x9 (7)", "2 different modes: RGB (28), L (7)",
        "1 shots, 5 queries 2 2 0", "5 shots, 5 queries 0 0 0",
        "train: ways=2, shots=1, queries=5: yes",
        "test: ways=2, shots=1, queries=5: no. The test split of folder has 1 classes",
    ):  # fmt: skip
        assert expected in text, text


def test_what_is_in_a_set_to_test_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    publishers.publish("traffic_sign", tmp_path / "traffic_sign", monkeypatch)
    call("check", "dataset=traffic_sign", f"paths.data={tmp_path}", "episode.queries=5")
    text = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "test 5 60 12 12 12" in text and "5 shots, 5 queries 5" in text
    assert "train: ways=5, shots=1, queries=5: no. traffic_sign has no train classes" in text
    assert "test: ways=5, shots=1, queries=5: yes" in text


def test_a_data_set_without_files_says_which_tasks_it_serves(
    capsys: pytest.CaptureFixture[str],
) -> None:
    call("check", "dataset=glyphs", "dataset.classes={val: 3}", "episode.drawn_from=split")
    text = capsys.readouterr().out
    assert "train: ways=5, shots=1, queries=5: yes" in text
    assert "val: ways=5, shots=1, queries=5: no. The val split of glyphs has 3 classes" in text


def test_mistakes_are_a_line() -> None:
    assert "Did you mean dataset=glyphs?" in mistake("check", "dataset=glyhps")
    assert "has no folders of classes" in mistake("check", "dataset=folder", "dataset.path=none")
