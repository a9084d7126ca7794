"""The README: its example is an algorithm, and its table equals the kept results."""

import runpy
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from helpers import CONF, NOW, ROOT, SmoothBody, run, tasks

from innerloop.engines.engine import Engine
from innerloop.models.network import Network
from innerloop.objectives import Classification

README = (ROOT / "README.md").read_text()


def block(language: str) -> str:
    """The only block of code in a language."""
    (code,) = [part.split("```")[0] for part in README.split(f"```{language}\n")[1:]]
    return code


@pytest.fixture
def nearest(tmp_path: Path) -> Any:
    (tmp_path / "nearest.py").write_text(block("python"))
    names = runpy.run_path(str(tmp_path / "nearest.py"))
    target = yaml.safe_load(block("yaml"))["algorithm"]["_target_"]
    kind = names[target.rsplit(".", 1)[1]]
    return kind(Network(SmoothBody(), 3), Classification(3, 3)).double()


def test_the_readme_example_equals_nearest_neighbour(nearest: Any) -> None:
    batch = tasks(2, queries=20)
    accuracies = nearest.scores(batch, 0, NOW)["accuracy"][:, 0]
    for i, accuracy in enumerate(accuracies):
        (support, labels), (query, targets) = [(s[0][i], s[1][i]) for s in batch]
        features, others = nearest.model.body(query), nearest.model.body(support)
        closest = [min(range(6), key=lambda j: float((f - others[j]).norm())) for f in features]
        hits = [int(labels[j]) == int(t) for j, t in zip(closest, targets, strict=True)]
        assert float(accuracy) == pytest.approx(sum(hits) / len(hits))
    loss, gradient = Engine(1).meta_gradient(nearest, batch, NOW)
    together, other = Engine().meta_gradient(nearest, batch, NOW)
    torch.testing.assert_close(loss, together)
    for key, value in run(nearest, batch)[1].items():
        torch.testing.assert_close(gradient[key], value)
        torch.testing.assert_close(other[key], value)


def test_tables_and_pages_equal_what_is_generated() -> None:
    tabulated = runpy.run_path(str(ROOT / "src" / "results.py"))["tabulated"]()
    assert {ROOT / "README.md", ROOT / "docs" / "results.md"} < set(tabulated)
    pages = {file for file in tabulated if file.parent.name == "algorithms"}
    assert pages == set((ROOT / "docs" / "algorithms").glob("*.md"))
    for file, text in tabulated.items():
        assert file.read_text() == text, f"{file}: run `make results`"


def test_every_config_group_and_choice_is_named() -> None:
    for group in (p for p in CONF.iterdir() if p.is_dir()):
        assert f"`{group.name}" in README
        if group.name in ("dataset", "model", "engine", "trainer", "logger"):
            assert [p.stem for p in group.glob("*.yaml") if f"`{p.stem}`" not in README] == []


def test_every_target_of_make_explains_itself() -> None:
    shown = subprocess.run(["make"], capture_output=True, text=True, cwd=ROOT, check=True).stdout
    for target in ("train", "test", "test-slow", "evaluate", "lint", "results"):
        assert f"make {target} " in shown
