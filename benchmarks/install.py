"""What an installation takes, and whether it runs: `python -m benchmarks.install`.

A wheel is built and installed into an empty environment, and `innerloop train` runs there in an
empty folder to its table. Sizes are of all files of an environment; `beside torch` is what is left
without those that `torch` alone brings. Packages come from uv's cache, so that seconds are without
downloads. Writes `benchmarks/results/install.json`, and its part of `docs/compatibility.md`.
"""

import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.compatibility import INSTALL, ROOT, UV, write_page


def measured(folder: Path, *packages: str) -> dict[str, Any]:
    """Installs packages into an empty environment: its size and the seconds it took."""
    _run(folder, UV, "venv", "--python", sys.executable, folder / "venv")
    start = time.monotonic()
    python = folder / "venv" / "bin" / "python"
    _run(folder, UV, "pip", "install", "--python", python, *packages)
    listed = json.loads(_run(folder, UV, "pip", "list", "--format", "json", "--python", python))
    return {
        "MB": round(_size(folder / "venv") / 1e6),
        "seconds": round(time.monotonic() - start, 1),
        "packages": len(listed),
    }


def trained(folder: Path) -> dict[str, Any]:
    """What `innerloop train` says at the end in an empty folder, and the seconds it took."""
    (folder / "empty").mkdir()
    start = time.monotonic()
    output = _run(folder / "empty", folder / "venv" / "bin" / "innerloop", "train")
    (results,) = (folder / "empty" / "outputs").glob("*/*/results.json")
    record = json.loads(results.read_text())
    return {
        "seconds": round(time.monotonic() - start),
        "says": [line for line in output.splitlines() if " on sinusoid: " in line],
        "outer_steps": record["outer"]["steps"],
        "test_tasks": record["protocol"]["tasks"],
        "mse": record["test"]["mse"]["mean"],
    }


def _size(folder: Path) -> int:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files)


def _run(folder: Path, *command: str | Path) -> str:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)}\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def main() -> None:
    record: dict[str, Any] = {"date": datetime.date.today().isoformat()}
    with tempfile.TemporaryDirectory() as made, tempfile.TemporaryDirectory() as first:
        wheels = Path(made)
        _run(ROOT, UV, "build", "--wheel", "--out-dir", wheels)
        (wheel,) = wheels.glob("*.whl")
        record["wheel_MB"] = round(wheel.stat().st_size / 1e6, 2)
        record["torch alone"] = measured(Path(first), "torch")
        with tempfile.TemporaryDirectory() as second:
            record["innerloop"] = measured(Path(second), str(wheel))
            record["train"] = trained(Path(second))
    record["beside torch, MB"] = record["innerloop"]["MB"] - record["torch alone"]["MB"]
    print(json.dumps(record, indent=1))
    INSTALL.write_text(json.dumps(record, indent=1) + "\n")
    write_page()


if __name__ == "__main__":
    main()
