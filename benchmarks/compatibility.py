"""Which releases innerloop works with: `python -m benchmarks.compatibility 3.11 3.12 3.13`.

For each Python, the newest releases of all dependencies, and the oldest that `pyproject.toml`
admits, are installed in a fresh environment, and the tests run in it. The pinned versions of
`pyproject.toml` do not apply. Writes `docs/compatibility.md` after each environment; rows of
other environments stay. `--versions newest` tries one of the two.
"""

import argparse
import datetime
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "benchmarks" / "results" / "compatibility.json"
INSTALL = ROOT / "benchmarks" / "results" / "install.json"
PAGE = ROOT / "docs" / "compatibility.md"
UV = Path(sys.executable).parent / "uv"
RESOLUTIONS = {"newest": "highest", "oldest": "lowest-direct"}
SHOWN = ("torch", "lightning", "hydra-core", "numpy", "pydantic", "wandb")
#: Fast tests of every room: engines, algorithms of each family, data, and whole programs.
TESTS = (
    "tests/adaptation", "tests/layers", "tests/objectives", "tests/engines/test_engines.py",
    "tests/outer/test_optimizer.py",
    "tests/algorithms/test_contract.py::test_the_configuration_builds_a_learner_that_fits_its_data_set",
    "tests/algorithms/test_mamlpp.py", "tests/algorithms/test_proto_maml.py",
    "tests/algorithms/test_feat.py", "tests/algorithms/test_r2d2.py",
    "tests/algorithms/test_transductive.py", "tests/algorithms/test_baseline.py",
    "tests/algorithms/test_neural_processes.py", "tests/algorithms/test_deepcoder.py",
    "tests/data/test_sampling.py", "tests/data/test_episodes.py", "tests/data/test_in_memory.py",
    "tests/data/test_loader.py", "tests/data/packs/test_pack.py", "tests/data/sets/test_glyphs.py",
    "tests/data/sets/test_omniglot.py", "tests/experiment/test_schema.py",
    "tests/startup/test_keys.py", "tests/startup/test_overrides.py",
    "tests/startup/test_notebook.py", "tests/evaluation/test_intervals.py",
    "tests/evaluation/test_comparison.py", "tests/dashboards/test_tensorboard.py",
    "tests/reporting/test_compare.py", "tests/programs/test_runs.py",
)  # fmt: skip
INTRODUCTION = """# Compatibility

The newest releases of all dependencies on the day named in the row, and the oldest that
`pyproject.toml` admits, each in a fresh environment, with fast tests of the inner loop, layers and
engines, algorithms, data, start-up and whole programs, which stand below each table. Made by
`python -m benchmarks.compatibility`.
"""


def tried(python: str, versions: str, tests: list[str], processes: int) -> dict[str, Any]:
    """Installs in a fresh environment and runs the tests there.

    Arguments:
        python: a version such as 3.12, or the path of an interpreter.
        versions: `newest` or `oldest`.
        processes: that share the tests.
    """
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        environment = Path(folder) / "venv"
        _uv("venv", "--python", python, str(environment))
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())
        settings = Path(folder) / "uv.toml"
        settings.write_text(_without_pins(project["tool"]["uv"]))
        ours = environment / "bin" / "python"
        _uv("pip", "install", "--config-file", str(settings), "--python", str(ours),
            "--resolution", RESOLUTIONS[versions],
            "-e", ".[learn2learn]", *project["dependency-groups"]["dev"])  # fmt: skip
        listed = json.loads(_uv("pip", "list", "--format", "json", "--python", str(ours)))
        installed = {entry["name"].lower(): entry["version"] for entry in listed}
        return {
            "date": datetime.date.today().isoformat(),
            "python": _run(str(ours), "-c", "import platform; print(platform.python_version())"),
            "versions": versions,
            **{name: installed[name] for name in SHOWN},
            **outcome(_tests(ours, tests, processes)),
            "tests": tests,
            "minutes": round((time.monotonic() - start) / 60, 1),
        }


def _without_pins(settings: dict[str, Any]) -> str:
    """uv's settings, for what does not build otherwise, without the pinned versions."""
    overrides = json.dumps(settings["override-dependencies"])
    ((name, options),) = settings["config-settings-package"].items()
    ((option, value),) = options.items()
    return (
        f"override-dependencies = {overrides}\n"
        f'[config-settings-package]\n{name} = {{ "{option}" = "{value}" }}\n'
    )


def outcome(output: str) -> dict[str, Any]:
    """What the last line of pytest counts, and the names of the tests that failed.

    Example:
        >>> outcome("FAILED a.py::b - no\\n1 failed, 7 passed in 3.0s")
        {'failed': 1, 'passed': 7, 'failures': ['a.py::b']}
    """
    lines = output.strip().splitlines() or [""]
    counts = {kind: int(n) for n, kind in re.findall(r"(\d+) (passed|failed|errors?)", lines[-1])}
    failures = [line.split()[1] for line in lines if line.startswith(("FAILED ", "ERROR "))]
    return {**counts, "failures": failures}


def with_cell(runs: list[dict[str, Any]], cell: dict[str, Any]) -> list[dict[str, Any]]:
    """The environments with one more, in place of an earlier try of the same."""
    return sorted([*[run for run in runs if _which(run) != _which(cell)], cell], key=_which)


def _which(run: dict[str, Any]) -> tuple[int, str]:
    """The minor version of a cell's Python, and whether its releases are the newest."""
    return int(run["python"].split(".")[1]), run["versions"]


def page(runs: list[dict[str, Any]]) -> str:
    """`docs/compatibility.md`: a table for each list of tests."""
    lists = list(dict.fromkeys(tuple(run["tests"]) for run in runs))
    tables = [_table([run for run in runs if tuple(run["tests"]) == tests]) for tests in lists]
    return "\n".join([INTRODUCTION, *tables])


def _table(runs: list[dict[str, Any]]) -> str:
    heads = ["Python", "releases", "date", *SHOWN, "passed", "failed"]
    lines = [" | ".join(heads), " | ".join("---" for _ in heads)]
    for run in runs:
        cells = [run["python"], run["versions"], run["date"], *[run[name] for name in SHOWN]]
        failed = run.get("failed", 0) + run.get("error", 0) + run.get("errors", 0)
        lines.append(" | ".join(map(str, [*cells, run.get("passed", 0), failed])))
    failures = sorted({name for run in runs for name in run["failures"]})
    named = ["", "Failed:", "", *[f"- `{name}`" for name in failures]] if failures else []
    tests = ", ".join(f"`{name}`" for name in runs[0]["tests"])
    return "\n".join([*[f"| {line} |" for line in lines], *named, "", f"By {tests}.", ""])


def install_section(record: dict[str, Any]) -> str:
    """What `python -m benchmarks.install` measured, in words."""
    core, trained = record["innerloop"], record["train"]
    return f"""
## The size of an installation

On {record["date"]}, a wheel in an empty environment, without extras: {core["MB"]:,} MB in
{core["packages"]} packages, of which torch and what it brings are
{record["torch alone"]["MB"]:,} MB, so that {record["beside torch, MB"]:,} MB are beside torch.
Installing took {core["seconds"]} seconds from uv's cache. `innerloop train` in an empty folder then
ran the default to its table in {trained["seconds"]} seconds on one thread. Measured by
`python -m benchmarks.install`.
"""


def write_page() -> None:
    """Writes `docs/compatibility.md` from both files of results."""
    text = page(json.loads(OUT.read_text()))
    if INSTALL.exists():
        text += install_section(json.loads(INSTALL.read_text()))
    PAGE.write_text(text)


def _tests(python: Path, tests: list[str], processes: int) -> str:
    shared = ["-n", str(processes)] if processes > 1 else []
    command = [str(python), "-m", "pytest", *shared, "-p", "no:cacheprovider", *tests]
    path = os.pathsep.join([str(python.parent), os.environ["PATH"]])
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"PATH": path}
    )
    if done.returncode not in (0, 1):  # 1: some tests failed
        sys.exit(done.stdout + done.stderr)
    return done.stdout


def _uv(*words: str) -> str:
    return _run(str(UV), *words)


def _run(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return done.stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("python", nargs="*", default=["3.11", "3.12", "3.13"])
    choices = list(RESOLUTIONS)
    parser.add_argument("--versions", nargs="*", choices=choices, default=choices)
    parser.add_argument("--tests", nargs="*", default=list(TESTS))
    parser.add_argument("--processes", type=int, default=2, help="that share the tests")
    given = parser.parse_args()
    for python in given.python:
        for versions in given.versions:
            cell = tried(python, versions, given.tests, given.processes)
            print(json.dumps(cell), flush=True)
            runs = with_cell(json.loads(OUT.read_text()), cell)
            OUT.write_text(json.dumps(runs, indent=1) + "\n")
            write_page()


if __name__ == "__main__":
    main()
