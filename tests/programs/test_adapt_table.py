"""A trained learner on a user's own table, against the learner called by hand; wrong tables."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cli import FAST, call, mistake, train
from data.sets.test_records import patients
from data.test_dbook import archive
from data.test_texts import Lengths, written

from innerloop.data import own_table
from innerloop.data.features.feature_classes import FeatureClasses
from innerloop.data.ratings.source import CENTRE
from innerloop.data.sets.dbook import DBook
from innerloop.data.sets.intents import Intents
from innerloop.data.sets.parkinsons import Parkinsons
from innerloop.errors import UserError
from innerloop.experiment.trained import load
from innerloop.tasks import Examples, Task

SIZES = ("episode.shots=5", "episode.queries=7")


def table(folder: Path, headings: list[str], rows: list[list[Any]]) -> Path:
    file = folder / "own.csv"
    with file.open("w", newline="") as stream:
        csv.writer(stream).writerows([headings, *rows])
    return file


def patient(rows: int = 9, known: int = 4) -> tuple[list[str], list[list[Any]]]:
    """A patient's recordings, of which the first have a score."""
    rng = np.random.default_rng(5)
    voices = rng.normal(20, 5, (rows, 16)).round(3)
    values = [[3 * day, 60, 0, *own] for day, own in enumerate(voices.tolist())]
    scores = [str(22 + day) if day < known else "" for day in range(rows)]
    return [*[f"m{i}" for i in range(19)], "target"], [
        [*own, score] for own, score in zip(values, scores, strict=True)
    ]


def test_predictions_of_a_table_are_those_of_the_learner_called_by_hand(tmp_path: Path) -> None:
    patients(tmp_path)
    run = tmp_path / "run"
    train(run, "dataset=parkinsons", f"paths.data={tmp_path}", *SIZES, *FAST)
    headings, rows = patient()
    file = table(tmp_path, headings, rows)
    call("adapt", f"ckpt_path={run}", f"table={file}", f"out={tmp_path / 'out'}", "steps=2")
    with (tmp_path / "out" / "predictions.csv").open(newline="") as stream:
        filled = list(csv.DictReader(stream))
    assert [[row[name] for name in headings] for row in filled] == [
        [*map(str, row)] for row in rows[4:]
    ]
    trained = load(run)
    data = Parkinsons(str(tmp_path))
    raw = np.concatenate([record.inputs for record in data.load()["train"]])
    scaled = (np.array([row[:19] for row in rows]) - raw.mean(0)) / np.maximum(raw.std(0), 1e-6)
    x = torch.from_numpy(scaled).float()
    y = torch.arange(4.0)[:, None] - 3  # less the last known score, which is 25
    task = Task(Examples(x[:4], y), Examples(x[4:], torch.zeros(5, 1)))
    *_, (_, outputs) = trained.algorithm.trajectory(task, 2, trained.progress)
    predicted = torch.tensor([float(row["predicted"]) for row in filled])
    torch.testing.assert_close(predicted, outputs[:, 0].detach() + 25, rtol=1e-3, atol=1e-3)
    other = table(tmp_path, headings[1:], [row[1:] for row in rows])
    assert "reads 19 inputs" in mistake("adapt", f"ckpt_path={run}", f"table={other}")


def test_texts_of_a_table_become_features_and_labels(tmp_path: Path) -> None:
    source = FeatureClasses(
        Intents("huffpost", str(written("huffpost", tmp_path))), Lengths(), torch.device("cpu")
    )
    rows = [
        ["sun and rain", "weather"],
        ["four goals", "sport"],
        ["snow", "weather"],
        ["a cup", ""],
    ]
    task = source.own_task(own_table.read(table(tmp_path, ["text", "label"], rows)))
    assert task.classes == ["sport", "weather"] and task.support.targets.tolist() == [1, 0, 1]
    assert [row["text"] for row in task.asked] == ["a cup"]
    lengths = task.support.inputs[:, 0], task.queries[:, 0]
    assert [own.tolist() for own in lengths] == [[12, 10, 4], [5]]


def test_ratings_of_a_table_are_those_of_a_new_user(tmp_path: Path) -> None:
    archive(tmp_path)
    source = DBook(str(tmp_path), "user_cold")
    known = int(np.flatnonzero(source.bias.counts)[0])
    rows = [[f"book {known}", "5"], [f"BOOK {known + 1}", "1"], [f"book {known + 2}", ""]]
    task = source.own_task(own_table.read(table(tmp_path, ["item", "stars"], rows)))
    torch.testing.assert_close(task.support.targets + task.zero, torch.tensor([[5.0], [1.0]]))
    assert task.zero == CENTRE
    assert task.support.inputs["item"].tolist() == [known, known + 1]
    assert task.queries["item"].tolist() == [known + 2]
    numbers = task.support.inputs["numbers"]
    assert float(numbers[0, 0]) == pytest.approx(float(source.bias.items[known]), rel=1e-5)
    assert not numbers[:, 2:4].any()  # nothing is known of the user
    wrong = table(tmp_path, ["item", "stars"], [["no such book", "3"], ["book 1", ""]])
    with pytest.raises(UserError, match="'no such book' is no title"):
        source.own_task(own_table.read(wrong))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("text\nhello\n", "no column label"),
        ("text,label\nhello,a\n", "1 rows with a label and 0 without"),
        ("text,label\nhello,\n", "0 rows with a label"),
        ("text,label\nhello\n", "another number of cells"),
        ('text,label\n"a"b,c\n', "not a CSV file"),
        ("", "no column label"),
    ],
)
def test_a_wrong_table_is_refused(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "own.csv").write_text(content)
    with pytest.raises(UserError, match=words):
        own_table.read(tmp_path / "own.csv").divided("label")


def test_cells_that_are_no_numbers_are_named(tmp_path: Path) -> None:
    for cell in ("high", "nan", ""):
        own = own_table.read(table(tmp_path, ["x", "target"], [[cell, "1"], ["2", ""]]))
        with pytest.raises(UserError, match="in the column x is not a number"):
            own.numbers(own.rows, ["x"])
    with pytest.raises(UserError, match="is not there"):
        own_table.read(tmp_path / "none.csv")


def test_images_are_not_read_from_tables(tmp_path: Path) -> None:
    train(tmp_path / "run", *FAST)
    file = table(tmp_path, ["x", "target"], [["1", "2"], ["1", ""]])
    message = mistake("adapt", f"ckpt_path={tmp_path / 'run'}", f"table={file}")
    assert "does not read tables" in message
