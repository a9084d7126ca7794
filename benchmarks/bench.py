"""`make bench`: innerloop and other libraries side by side, for docs/performance.md.

Every part runs in its own process, because threads, compiled code and peak memory belong to a
process. `python -m benchmarks.bench sinusoid_1 memory` measures only these parts and keeps the
stored results of the others.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.machine import describe
from benchmarks.workloads import WORKLOADS

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
OTHERS = ("sampling", "memory", "processes", "startup", "scaling", "anatomy")


def run(part: str, *more: str) -> dict[str, Any]:
    """The results that a part prints, with a description of the machine."""
    threads = WORKLOADS[part].threads if part in WORKLOADS else 1
    module = ["measure", part] if part in WORKLOADS else [part]
    command = [sys.executable, "-m", f"benchmarks.{module[0]}", *module[1:], *more]
    paths = [str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {
        "OMP_NUM_THREADS": str(threads), "PYTHONPATH": os.pathsep.join(paths)
    }  # fmt: skip
    done = subprocess.run(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{part} failed")
    return json.loads(done.stdout.splitlines()[-1]) | {"machine": describe()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join([*WORKLOADS, *OTHERS]))
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    given.results.mkdir(exist_ok=True)
    for part in given.parts or [*WORKLOADS, *OTHERS]:
        print(f"measuring {part}", flush=True)
        entry = run(part)
        (given.results / f"{part}.json").write_text(json.dumps(entry, indent=2) + "\n")
    report.write(given.results)
    print(report.table(report.load(given.results)))


if __name__ == "__main__":
    main()
