"""The documentation: it builds, no link is dead, and every key and metric is explained."""

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cli import FAST, train
from helpers import CONF, ROOT, choices

from innerloop.experiment.described import accepted
from innerloop.reporting.configuration_page import about, keys

METRICS = ROOT / "docs" / "metrics.md"
PLACES = {"SPLIT": "(val|test)", "LAYER": r"[\w./]+", "k": r"\d+"}


def test_the_site_builds_without_a_dead_link(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    command = [
        sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "-f",
        str(ROOT / "docs" / "site" / "mkdocs.yml"), "--site-dir", str(tmp_path / "site"),
    ]  # fmt: skip
    quiet = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=quiet)
    assert done.returncode == 0, done.stderr + done.stdout
    pages = {page.relative_to(tmp_path / "site") for page in (tmp_path / "site").rglob("*.html")}
    algorithms = [f.stem for f in (ROOT / "docs" / "algorithms").glob("*.md")]
    written = {Path("algorithms") / f"{name}.html" for name in algorithms if name != "README"}
    assert written <= pages
    for name in ("algorithms/maml.html", "algorithms/metaoptnet_svm.html"):
        page = (tmp_path / "site" / name).read_text()
        assert "<svg role=" in page  # formulas are drawn
        shown = re.sub(r'aria-label="[^"]*"|<(code|pre|script).*?</\1>', "", page, flags=re.DOTALL)
        assert not re.findall(r"\\(?:frac|nabla|theta|sum|min)\b", shown)
    text = (tmp_path / "site" / "api.html").read_text()
    assert "The batch of tasks with these indices" in text  # a docstring
    outside = re.findall(r'(?:src|href)="(https?://[^"]+\.(?:js|css|woff2?|png))"', text)
    assert not outside, "reading needs no network"


def test_every_key_of_the_configuration_is_explained() -> None:
    said = keys(CONF)
    assert len(said) > 80
    assert [key for key, (_, comment) in said.items() if not comment] == []
    free = ("callbacks.", "logger.")  # arguments of classes: these check them
    assert [key for key in said if key not in accepted() and not key.startswith(free)] == []


def test_every_choice_of_a_group_is_explained() -> None:
    groups = [folder.name for folder in CONF.iterdir() if folder.is_dir()]
    files = [CONF / g / f"{name}.yaml" for g in groups for name in choices(g)]
    needed = [f for f in files if f.parent.name not in ("algorithm", "experiment", "hydra")]
    assert [str(file) for file in needed if not about(file)] == []


def explained() -> list[re.Pattern[str]]:
    """The names of the glossary as patterns; `NAME` is a metric of its first table."""
    names = re.findall(r"^\| `([^`]+)` \|", METRICS.read_text(), re.MULTILINE)
    metrics = "|".join(name for name in names if "/" not in name)
    places = PLACES | {"NAME": f"({metrics})"}

    def pattern(name: str) -> str:
        return re.sub(r"SPLIT|LAYER|NAME|(?<=_)k$", lambda match: places[match[0]], name)

    return [re.compile(f"{pattern(name)}$") for name in names]


@pytest.mark.parametrize(
    "choice",
    [
        ("algorithm=maml", "dataset=glyphs"),
        ("algorithm=meta_sgd", "dataset=sinusoid", "outer.nonfinite=skip"),
        ("algorithm=protonet", "dataset=glyphs"),
        ("algorithm=mamlpp", "dataset=glyphs"),
    ],
)
def test_every_logged_metric_is_explained(tmp_path: Path, choice: tuple[str, ...]) -> None:
    train(
        tmp_path, *choice, *FAST, "logger=csv", "diagnostics={test_tasks: 2, validation_tasks: 2}"
    )
    with (tmp_path / "metrics.csv").open() as file:
        logged = next(csv.reader(file))
    assert "inside/meta_gradient_norm" in logged
    patterns = explained()
    assert [name for name in logged if not any(p.match(name) for p in patterns)] == []
