"""1D-ARC: both layouts, what a task holds, a program that solves a type, damaged files."""

import json
import lzma
from pathlib import Path

import numpy as np
import pytest
from data import damage
from data.real import beside

from innerloop.data.programs.arc_tasks import FILES
from innerloop.data.sets.arc_1d import Arc1D
from innerloop.errors import UserError
from innerloop.objectives.exact_match import ExactMatch
from innerloop.tasks import Episode, only

EPISODE = Episode(1, 10, 5)


def puzzles() -> dict[str, dict[str, object]]:
    """Type k rotates by k; each has ten puzzles of four examples, one of them too long."""
    rng, content = np.random.default_rng(0), {}
    for kind in range(18):
        for number in range(10):
            rows = [rng.integers(10, size=40 if i == 3 else 12).tolist() for i in range(4)]
            pairs = [{"input": [x], "output": [x[kind:] + x[:kind]]} for x in rows]
            content[f"dataset/type_{kind:02d}/{number}.json"] = {
                "train": pairs[:3], "test": pairs[3:],
            }  # fmt: skip
    return content


def archive(folder: Path) -> Path:
    file = folder / FILES.archive
    file.parent.mkdir(parents=True)
    file.write_bytes(lzma.compress(json.dumps(puzzles()).encode()))
    return file


def test_both_layouts_hold_the_same_types(tmp_path: Path) -> None:
    archive(tmp_path / "a")
    for name, puzzle in puzzles().items():
        file = tmp_path / "b" / FILES.place / Path(name).relative_to("dataset")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(puzzle))
    one, two = (Arc1D(str(tmp_path / place)).tests for place in "ab")
    assert one == two and [len(own) for own in one] == [30] * 18


def test_a_task_has_examples_of_one_type(tmp_path: Path) -> None:
    archive(tmp_path)
    data = Arc1D(str(tmp_path))
    data.check("test", EPISODE)
    batch = data.tasks("test", np.arange(36), EPISODE, 0)
    for index in range(36):
        kind = index % 18
        for part in batch:
            for x, y in zip(data.tokens.lists(part.inputs[index]),
                            data.tokens.lists(part.targets[index]), strict=True):  # fmt: skip
                assert len(x) == 12 and y == x[kind:] + x[:kind]
    assert not (batch.query.inputs[0] == batch.query.inputs[18]).all()


def test_a_search_solves_the_types_that_the_language_can_say(tmp_path: Path) -> None:
    archive(tmp_path)
    data = Arc1D(str(tmp_path), enumeration={"programs": 200})
    answer = data.baselines()["enumeration, 200 programs a task"]
    for kind in (1, 2):
        task = only(data.tasks("test", np.array([kind]), EPISODE, 0))
        scores = ExactMatch(33, 34).scores(answer(task), task.query.targets)
        assert scores["exact_match"] == 1


def test_it_is_only_to_be_tested_on(tmp_path: Path) -> None:
    archive(tmp_path)
    data = Arc1D(str(tmp_path))
    with pytest.raises(UserError, match="test tasks alone"):
        data.check("train", EPISODE)
    with pytest.raises(UserError, match="30 examples of up to 33 places, and a task needs 31"):
        data.check("test", Episode(1, 20, 11))


@pytest.mark.parametrize("how", ["cut", "empty", "noise", "web_page", "sparse", "folder"])
def test_a_damaged_file_gives_one_clear_error(tmp_path: Path, how: str) -> None:
    getattr(damage, how)(archive(tmp_path), np.random.default_rng(0))
    with pytest.raises(UserError, match="arc_1d"):
        Arc1D(str(tmp_path)).prepare()


def test_a_missing_file_is_named_with_its_address(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="github.com/khalil-research"):
        Arc1D(str(tmp_path)).prepare()


def test_the_real_types_are_read() -> None:
    data = Arc1D(str(beside(FILES.archive).parents[1]))
    assert len(data.tests) == 18
    data.check("test", EPISODE)
