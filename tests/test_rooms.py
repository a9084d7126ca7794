"""Which room (folder of src/innerloop) may import which, checked on the imports."""

import ast
import graphlib
import itertools
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from helpers import ROOT

from innerloop.__main__ import commands

PACKAGE = ROOT / "src" / "innerloop"
VOCABULARY = {"tasks", "objectives", "errors", "precision"}  # what every room may import
ROOMS: dict[str, set[str]] = {  # every room, and the rooms that it may import
    "machine": set(),
    "adaptation": set(),
    "environments": set(),
    "layers": {"machine"},
    "models": {"layers"},
    "languages": set(),
    "data": {"environments", "languages", "machine"},
    "evaluation": {"machine"},
    "startup": {"machine"},
    "algorithms": {"adaptation", "environments", "languages", "layers"},
    "engines": {"adaptation", "algorithms", "layers", "machine"},
    "inspection": {"adaptation", "algorithms", "evaluation", "layers", "machine"},
    "conformance": {"algorithms", "data", "engines"},
    "outer": {"algorithms", "engines", "evaluation", "inspection", "layers"},
    "reporting": {"algorithms", "data", "evaluation", "inspection", "machine", "startup"},
    "dashboards": {"algorithms", "machine", "startup"},
    "callbacks": {"dashboards", "inspection", "machine", "outer", "startup"},
    "experiment": {
        "algorithms", "callbacks", "dashboards", "data", "engines", "evaluation", "layers",
        "machine", "outer", "reporting", "startup",
    },
    "commands": {"evaluation", "live", "machine", "programs", "reporting", "startup"},
    "sweeping": {"experiment", "machine", "reporting", "startup"},
    "live": {"evaluation", "machine", "reporting", "startup", "sweeping"},
    "programs": {
        "algorithms", "callbacks", "conformance", "dashboards", "data", "engines", "evaluation",
        "experiment", "inspection", "layers", "machine", "reporting", "startup", "sweeping",
    },
}  # fmt: skip
HEAVY = {"torch", "lightning", "numpy", "torchmetrics", "wandb", "learn2learn", "matplotlib"}
LIGHT = (
    "errors", "sweeping/watch", "sweeping/members", "startup/arguments", "startup/command",
    "startup/resolvers", "startup/folder_check", "startup/keys", "startup/keywords",
    "startup/dotenv", "startup/places", "__main__",
    "startup/published", "startup/overrides", "startup/run_folder", "startup/suggestions",
    "startup/warning",
    "machine/foreign", "machine/mappings", "machine/gpus", "machine/lock", "machine/screen",
)  # fmt: skip


def imports(file: Path, only_top: bool = False) -> set[str]:
    """Dotted names that a file imports."""
    tree = ast.parse(file.read_text())
    names = set()
    for node in tree.body if only_top else ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def rooms(file: Path) -> set[str]:
    """The rooms of innerloop, and the parts of its vocabulary, that a file imports."""
    return {name.split(".")[1] for name in imports(file) if name.startswith("innerloop.")}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    files = list((PACKAGE / room).rglob("*.py"))
    assert files
    for file in files:
        assert rooms(file) <= {room} | VOCABULARY | ROOMS[room], file


@pytest.mark.parametrize("room", ROOMS)
def test_every_permitted_import_is_used(room: str) -> None:
    imported = set().union(*[rooms(file) for file in (PACKAGE / room).rglob("*.py")])
    assert ROOMS[room] <= imported, "a rule that nothing needs"


def test_rooms_do_not_import_each_other_in_circles() -> None:
    graphlib.TopologicalSorter(ROOMS).prepare()  # raises CycleError


def test_every_file_lies_in_a_room_with_rules() -> None:
    here = {p.name for p in PACKAGE.iterdir() if p.name != "__pycache__"}
    assert here == {
        "__init__.py",
        "__main__.py",
        "tasks.py",
        "errors.py",
        "precision.py",
        "objectives",
    } | set(ROOMS)


def test_tasks_objectives_and_errors_import_no_room() -> None:
    files = [PACKAGE / "tasks.py", PACKAGE / "errors.py", *(PACKAGE / "objectives").glob("*.py")]
    for file in files:
        assert rooms(file) <= VOCABULARY, file


@pytest.mark.parametrize("name", LIGHT)
def test_help_and_completion_import_nothing_heavy(name: str) -> None:
    assert not {i.split(".")[0] for i in imports(PACKAGE / f"{name}.py")} & HEAVY


@pytest.mark.parametrize("program", commands())
def test_programs_import_nothing_heavy_at_the_top(program: str) -> None:
    names = imports(PACKAGE / "commands" / f"{program}.py", only_top=True)
    assert {i for i in names if i.startswith("innerloop")} <= {
        "innerloop.startup.command", "innerloop.startup.places", "innerloop.startup.resolvers",
    }  # fmt: skip
    assert not {i.split(".")[0] for i in names} & HEAVY


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
    extras = project["optional-dependencies"].values()
    lines = [*project["dependencies"], *itertools.chain.from_iterable(extras)]
    declared = {re.split(r"[\[<>=~; ]", line)[0].lower() for line in lines}
    used = {i.split(".")[0] for p in (ROOT / "src").rglob("*.py") for i in imports(p)}
    owners = packages_distributions()
    for name in used - set(sys.stdlib_module_names) - {"innerloop", "hydra_plugins"}:
        assert declared & {owner.lower() for owner in owners.get(name, [name])}, name
