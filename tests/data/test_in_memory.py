"""Episodes over classes of rows in memory."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from innerloop.data import own_table
from innerloop.data.in_memory import InMemory
from innerloop.data.source import SPLITS
from innerloop.errors import UserError
from innerloop.tasks import Episode, Inputs, Range, only, part, trimmed

COUNTS = [3, 5, 9, 4]


class Numbered(InMemory):
    """Every row says its class and its number in the class."""

    def examples(self, split: str) -> Mapping[str, Inputs]:
        return {
            f"{split} {c}": {
                "class": torch.full((n, 1), float(c)),
                "row": torch.arange(n, dtype=torch.float32)[:, None],
            }
            for c, n in enumerate(COUNTS)
        }


SOURCE = Numbered("numbered")


@pytest.mark.parametrize("episode", [Episode(3, 1, 2), Episode(Range(2, 4), Range(1, 2), 1)])
def test_rows_are_of_their_classes_and_drawn_once(episode: Episode) -> None:
    indices = np.arange(50)
    classes = SOURCE.classes("train", indices, episode, 3)
    batch = SOURCE.tasks("train", indices, episode, 3)
    for i in range(50):
        task = trimmed(only(part(batch, i, i + 1)))
        rows: list[tuple[float, float]] = []
        for inputs, targets in task:
            values: dict[str, Any] = getattr(inputs, "values", inputs)
            values = inputs.values if not isinstance(inputs, dict) else inputs
            for label, own, row in zip(targets, values["class"], values["row"], strict=True):
                assert classes[i][int(label)] == own  # the label is that of its class
                rows.append((float(own), float(row)))
        assert len(set(rows)) == len(rows)
        assert all(row < COUNTS[int(own)] for own, row in rows)


def test_all_rows_of_all_classes_occur_equally_often() -> None:
    batch = SOURCE.tasks("train", np.arange(4_000), Episode(2, 1, 1), 0)
    seen = torch.stack([batch.query.inputs["class"], batch.query.inputs["row"]], -1).view(-1, 2)
    for own, count in enumerate(COUNTS):
        hits = [int(((seen[:, 0] == own) & (seen[:, 1] == row)).sum()) for row in range(count)]
        expected = 4_000 * 2 / len(COUNTS) / count
        assert max(abs(n - expected) for n in hits) < 5 * expected**0.5


def test_a_plain_epoch_visits_every_row_once() -> None:
    batch = SOURCE.batches("train", np.arange(3), sum(COUNTS) // 3, 0)
    rows = torch.cat([batch.query.inputs["class"], batch.query.inputs["row"]], -1).view(-1, 2)
    assert len({tuple(row) for row in rows.tolist()}) == sum(COUNTS)
    assert torch.equal(batch.query.targets, batch.query.inputs["class"][..., 0].long())
    assert SOURCE.classes_in("train") == len(COUNTS)


def test_too_small_splits_are_refused_before_training() -> None:
    with pytest.raises(UserError, match="has 4 classes"):
        SOURCE.check("train", Episode(5, 1, 1))
    with pytest.raises(UserError, match="train 0 .* has 3 images"):
        SOURCE.check("train", Episode(4, 2, 2))


def test_the_fingerprint_follows_the_content() -> None:
    class Other(Numbered):
        def examples(self, split: str) -> Mapping[str, Inputs]:
            rows = super().examples(split)
            rows[f"{split} 0"]["row"][0] = 7.0
            return rows

    prints = {SOURCE.fingerprint(split) for split in SPLITS}
    assert len(prints) == 3
    assert Numbered("numbered").fingerprint("train") in prints
    assert Other("numbered").fingerprint("train") not in prints


class Grids(InMemory):
    """Grids of 2 x 2 whole numbers."""

    def examples(self, split: str) -> Mapping[str, Inputs]:
        return {"a": torch.zeros(3, 2, 2, dtype=torch.long), "b": torch.zeros(4, 2, 2).long()}


def own_table_of(folder: Path, *lines: str) -> own_table.Table:
    (folder / "own.csv").write_text("\n".join(lines) + "\n")
    return own_table.read(folder / "own.csv")


def test_a_table_becomes_a_task_with_inputs_as_stored(tmp_path: Path) -> None:
    table = own_table_of(tmp_path, "row 1,label,class 1", "2.5,tall,7", "1,,8", "3,small,9")
    task = SOURCE.own_task(table)
    assert task.classes == ["small", "tall"] and task.support.targets.tolist() == [1, 0]
    assert task.support.inputs["row"].tolist() == [[2.5], [3.0]]
    assert task.support.inputs["class"].tolist() == [[7.0], [9.0]]
    assert task.queries["row"].tolist() == [[1.0]] and task.asked[0]["class 1"] == "8"
    table = own_table_of(tmp_path, "a,b,c,d,label", "1,2,3,4,x", "5,6,7,8,")
    task = Grids("grids").own_task(table)
    assert task.support.inputs.tolist() == [[[1, 2], [3, 4]]]
    assert task.queries.tolist() == [[[5, 6], [7, 8]]] and task.queries.dtype == torch.long


def test_a_table_with_other_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no column class 1"):
        SOURCE.own_task(own_table_of(tmp_path, "row 1,label", "1,x", "2,"))
    with pytest.raises(UserError, match="3 columns of inputs, and not 4"):
        Grids("grids").own_task(own_table_of(tmp_path, "a,b,c,label", "1,2,3,x", "1,2,3,"))
