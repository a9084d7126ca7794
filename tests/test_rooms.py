"""Who may import whom: the floor plan, held by the imports themselves."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from helpers import ROOT

PACKAGE = ROOT / "src" / "innerloop"
LEAVES = {  # import no room
    "early_pooling", "tasks", "objectives", "norm", "optimizer", "processes", "errors", "files",
    "machine", "published",
}  # fmt: skip
ROOMS = {
    "adaptation": set(),
    "layers": set(),
    "models": set(),
    "evaluation": set(),
    "data": set(),
    "algorithms": {"adaptation", "evaluation", "engines", "layers"},
    "engines": {"algorithms", "adaptation", "layers"},
    "callbacks": {"algorithms", "dashboards", "run"},
    "dashboards": {"algorithms"},
    "reporting": {"algorithms", "evaluation"},
    "replaying": {"adaptation", "algorithms", "evaluation", "reporting"},
    "run": {"command", "engines", "evaluation", "folder_check", "notices", "startup"},
    "startup": set(),
    "sweeping": {"reporting", "run", "command", "resolvers"},
}
HEAVY = {"torch", "lightning", "numpy", "torchmetrics", "wandb", "learn2learn", "matplotlib"}
LIGHT = (
    "command", "resolvers", "folder_check", "errors", "published", "sweeping/watch",
    "sweeping/gpus", "sweeping/members", "reporting/foreign", "reporting/mappings",
    "startup/keywords", "startup/overrides", "startup/suggestions", "run/lock",
)  # fmt: skip


def imports(file: Path, only_top: bool = False) -> set[str]:
    """Dotted names that a file imports."""
    tree = ast.parse(file.read_text())
    found = set()
    for node in tree.body if only_top else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def rooms(file: Path) -> set[str]:
    """The rooms and leaves of innerloop that a file imports."""
    return {name.split(".")[1] for name in imports(file) if name.startswith("innerloop.")}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    files = list((PACKAGE / room).rglob("*.py"))
    assert files
    for file in files:
        assert rooms(file) <= {room} | LEAVES | ROOMS[room], file


def test_every_folder_is_a_room_with_rules() -> None:
    folders = {p.name for p in PACKAGE.iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert folders == set(ROOMS)


@pytest.mark.parametrize("leaf", sorted(LEAVES))
def test_leaves_import_leaves_alone(leaf: str) -> None:
    assert rooms(PACKAGE / f"{leaf}.py") <= LEAVES


@pytest.mark.parametrize("name", LIGHT)
def test_help_and_completion_import_nothing_heavy(name: str) -> None:
    assert not {i.split(".")[0] for i in imports(PACKAGE / f"{name}.py")} & HEAVY


@pytest.mark.parametrize(
    "program",
    ["train", "evaluate", "replay", "compare", "runs", "dashboard", "report", "adapt"],
)
def test_programs_import_nothing_heavy_at_the_top(program: str) -> None:
    found = imports(ROOT / "src" / f"{program}.py", only_top=True)
    assert {i for i in found if i.startswith("innerloop")} <= {
        "innerloop.command", "innerloop.resolvers",
    }  # fmt: skip
    assert not {i.split(".")[0] for i in found} & HEAVY


def test_learn2learn_is_imported_only_where_it_is_used() -> None:
    users = [
        p
        for p in PACKAGE.rglob("*.py")
        if any("learn2learn" in i.split(".")[0] for i in imports(p))
    ]
    assert users == [PACKAGE / "engines" / "learn2learn.py"]
    assert not any("learn2learn" in i.split(".")[0] for i in imports(users[0], only_top=True))


def test_every_import_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = project["dependencies"] + project["optional-dependencies"]["sweeps"]
    declared = {re.split(r"[\[<>=~; ]", line)[0].lower() for line in lines}
    used = {i.split(".")[0] for p in (ROOT / "src").rglob("*.py") for i in imports(p)}
    owners = packages_distributions()
    for name in used - set(sys.stdlib_module_names) - {"innerloop", "hydra_plugins"}:
        assert declared & {owner.lower() for owner in owners.get(name, [name])}, name
