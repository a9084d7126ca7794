"""Which releases innerloop works with: `python -m benchmarks.compatibility 3.11 3.12 3.13`.

For each Python, the newest releases of all dependencies, and the oldest that `pyproject.toml`
admits, are installed in a fresh environment, and the tests run in it. The pinned versions of
`pyproject.toml` do not apply. Writes `docs/compatibility.md`.
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
PAGE = ROOT / "docs" / "compatibility.md"
UV = Path(sys.executable).parent / "uv"
RESOLUTIONS = {"newest": "highest", "oldest": "lowest-direct"}
SHOWN = ("torch", "lightning", "hydra-core", "numpy", "pydantic", "wandb")
#: What depends most on other people's releases: all but the programs that run for long.
TESTS = ("tests/adaptation", "tests/layers", "tests/models", "tests/startup", "tests/experiment",
         "tests/engines", "tests/algorithms/test_contract.py", "tests/test_package.py",
         "tests/programs/test_runs.py")  # fmt: skip
INTRODUCTION = """# Compatibility

The tests in fresh environments, on {date}: the newest releases of all dependencies, and the
oldest that `pyproject.toml` admits. Made by `{command}`, which ran
`pytest {tests}`.

"""


def tried(python: str, versions: str, tests: list[str]) -> dict[str, Any]:
    """Installs in a fresh environment and runs the tests there.

    Arguments:
        python: a version such as 3.12, or the path of an interpreter.
        versions: `newest` or `oldest`.
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
            "python": _run(str(ours), "-c", "import platform; print(platform.python_version())"),
            "versions": versions,
            **{name: installed[name] for name in SHOWN},
            **outcome(_tests(ours, tests)),
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


def page(record: dict[str, Any]) -> str:
    """The table of `docs/compatibility.md`."""
    heads = ["Python", "releases", *SHOWN, "passed", "failed"]
    lines = [" | ".join(heads), " | ".join("---" for _ in heads)]
    for run in record["runs"]:
        cells = [run["python"], run["versions"], *[run[name] for name in SHOWN]]
        failed = run.get("failed", 0) + run.get("error", 0) + run.get("errors", 0)
        lines.append(" | ".join(map(str, [*cells, run.get("passed", 0), failed])))
    failures = sorted({name for run in record["runs"] for name in run["failures"]})
    named = ["", "Failed:", "", *[f"- `{name}`" for name in failures]] if failures else []
    introduction = INTRODUCTION.format(
        date=record["date"], command=record["command"], tests=" ".join(record["tests"])
    )
    return introduction + "\n".join([*[f"| {line} |" for line in lines], *named]) + "\n"


def _tests(python: Path, tests: list[str]) -> str:
    command = [str(python), "-m", "pytest", "-n", "2", "-p", "no:cacheprovider", *tests]
    path = os.pathsep.join([str(python.parent), os.environ["PATH"]])
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"PATH": path}
    )
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
    given = parser.parse_args()
    runs = []
    for python in given.python:
        for versions in given.versions:
            runs.append(tried(python, versions, given.tests))
            print(json.dumps(runs[-1]), flush=True)
    record = {
        "date": datetime.date.today().isoformat(),
        "command": "python -m benchmarks.compatibility",
        "tests": given.tests,
        "runs": runs,
    }
    OUT.write_text(json.dumps(record, indent=1) + "\n")
    PAGE.write_text(page(record))


if __name__ == "__main__":
    main()
