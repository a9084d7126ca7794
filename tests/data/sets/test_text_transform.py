"""Programs over texts: random tasks, what is held out, the publisher's layouts, damaged files."""

import json
import lzma
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from data import damage
from data.real import beside

from innerloop.conformance import data_sets
from innerloop.conformance.data_sets import DataSet
from innerloop.conformance.failure import checks
from innerloop.data.programs.answers import commonest, copy
from innerloop.data.programs.random_texts import random_texts
from innerloop.data.programs.text_tasks import FILES
from innerloop.data.sets.text_transform import TextTransform, with_signs_of
from innerloop.errors import UserError
from innerloop.languages.texts import SIGNS, TEXTS
from innerloop.objectives.exact_match import ExactMatch
from innerloop.tasks import Episode, Range, Task, only, part, plain, trimmed

Check = Callable[[DataSet], None]
EPISODE = Episode(1, Range(1, 5), Range(1, 4))


def examples(task: int) -> list[dict[str, object]]:
    """Task 0 takes the first three characters, task 1 always answers "no", others change nothing;
    task k has k % 9 + 2 examples."""
    texts = [f"text {i} of {task}" for i in range(task % 9 + 2)]
    outputs = [x[:3] if task == 0 else "no" if task == 1 else x for x in texts]
    return [{"Input": [x], "Output": y} for x, y in zip(texts, outputs, strict=True)]


def write(folder: Path) -> Path:
    """Files like the publisher's."""
    for task in range(354):
        place = folder / FILES.place / f"Kind.{task:06d}"
        place.mkdir(parents=True)
        (place / "spec.json").write_text(json.dumps({"Examples": examples(task)}))
    return folder / FILES.place


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TextTransform:
    folder = tmp_path_factory.mktemp("data")
    write(folder)
    return TextTransform(str(folder))


def test_test_tasks_are_the_publishers_with_all_but_the_support_asked(data: TextTransform) -> None:
    batch = data.tasks("test", np.arange(354), EPISODE, 0)
    for index in range(354):
        task = plain(trimmed(only(part(batch, index, index + 1))))
        shots, queries = len(task.support.inputs), len(task.query.inputs)
        assert shots + queries == min(index % 9 + 2, 9)
        assert queries == 4 or shots == 1
        known = data.tokens.texts(task.support.inputs), data.tokens.texts(task.query.inputs)
        assert not set(known[0]) & set(known[1])
        truth = {str(e["Input"][0]): e["Output"] for e in examples(index)}  # type: ignore[index]
        answers = data.tokens.texts(task.query.targets)
        assert [truth[x] for x in known[1]] == answers


def test_training_tasks_are_random_programs_that_fit(data: TextTransform) -> None:
    rng = np.random.default_rng(0)
    for _ in range(100):
        term, pairs = data.random_program(rng, 6)
        assert TEXTS.type_of(term) == "text" and len(pairs) == 6
        assert all(TEXTS.answer(term, pair.x) == pair.y for pair in pairs)
        assert any(pair.x != pair.y for pair in pairs)
        wrong = [any(TEXTS.answer(term, p.x) != p.y for p in own) for own in data.tests]
        assert all(wrong)
    assert data.is_a_test(("first", 3, "x")) and not data.is_a_test(("first", 4, "x"))


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_a_task_depends_on_seed_and_index_alone(data: TextTransform, split: str) -> None:
    together = data.tasks(split, np.arange(4), EPISODE, 0)
    alone = data.tasks(split, np.array([2]), EPISODE, 0)
    for a, b in zip(together, alone, strict=True):
        assert torch.equal(a.inputs.values[2], b.inputs.values[0])
        assert torch.equal(a.targets.values[2], b.targets.values[0])
    other = data.tasks(split, np.arange(4), EPISODE, 1)
    assert not torch.equal(other.support.inputs.values, together.support.inputs.values)


def test_baselines_are_right_where_they_must_be(data: TextTransform) -> None:
    objective = ExactMatch(32, 99)

    def exact(task: Task, answer: torch.Tensor) -> float:
        return float(objective.scores(answer, task.query.targets)["exact_match"])

    batch = data.tasks("test", np.arange(4), EPISODE, 0)
    first, constant, _, same = [plain(trimmed(only(part(batch, i, i + 1)))) for i in range(4)]
    assert exact(same, copy(same)) == 1 and exact(first, copy(first)) == 0
    assert exact(constant, commonest(constant)) == 1
    searched = TextTransform(str(data.folder), enumeration={"programs": 20_000}).baselines()
    search = searched["enumeration, 20000 programs a task"]
    assert exact(first, search(first)) == 1 and exact(same, search(same)) == 1


def test_a_sketch_shows_texts(data: TextTransform) -> None:
    task = plain(trimmed(only(data.tasks("test", np.array([3]), EPISODE, 0))))
    sketch = data.sketch(task, copy(task))
    assert all(row[1] == row[2] for row in sketch.rows)
    assert [row[3] for row in sketch.rows if row[0] == "query"] == [
        row[1] for row in sketch.rows if row[0] == "query"
    ]


@pytest.mark.parametrize("check", checks(data_sets).values(), ids=lambda check: check.__name__)
def test_the_tasks_keep_the_promises_of_data_sets(data: TextTransform, check: Check) -> None:
    check(DataSet(data, EPISODE, [3168], classes=None))


def test_texts_of_a_task_have_one_form() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        texts = random_texts(rng, 5)
        signs = ["".join(c for c in text if not c.isalnum()) for text in texts]
        assert len(set(signs)) == 1 and len(texts) == 5


def test_signs_are_exchanged_for_those_of_the_text() -> None:
    rng, term = np.random.default_rng(0), ("replace", ("slash",), ("comma",), ("upper", "x"))
    drawn = {with_signs_of("a:b", term, rng) for _ in range(100)}
    assert {own[1][0] for own in drawn} == {"slash", "colon"}
    assert with_signs_of("ab", term, rng) == term and len(SIGNS) == len(set(SIGNS.values()))


@pytest.mark.parametrize("how", ["cut", "empty", "noise", "web_page", "sparse", "folder"])
def test_a_damaged_file_gives_one_clear_error(tmp_path: Path, how: str) -> None:
    file = tmp_path / FILES.archive
    file.parent.mkdir()
    content = {f"{i:03d}/spec.json": json.dumps({"Examples": examples(i)}) for i in range(354)}
    file.write_bytes(lzma.compress(json.dumps(content).encode()))
    assert len(TextTransform(str(tmp_path)).tests) == 354
    getattr(damage, how)(file, np.random.default_rng(0))
    with pytest.raises(UserError, match="prose_transformation"):
        TextTransform(str(tmp_path)).prepare()


def test_missing_files_are_named_with_their_address(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="github.com/microsoft/prose-benchmarks"):
        TextTransform(str(tmp_path)).prepare()


def test_the_real_tasks_are_read() -> None:
    data = TextTransform(str(beside(FILES.archive).parents[1]))
    assert len(data.tests) == 354 and data.is_a_test(("initials", "x"))
