"""The cost of `innerloop live`: `PYTHONPATH=src:tests:. python -m benchmarks.live_view`.

The folder has 200 finished runs and 30 that run: another process adds a row to the log of each
every second. A real browser loads the page several times (first paint, and when the runs are
drawn) and asks for what is new. Then this process trains MAML on sine waves, on the one core that
it shares with the server, while the page is alternately closed (A) and open (B) in the browser:
A B B A ... `slowed` is the mean over neighbouring pairs of B's time divided by A's, minus 1, with
its 95% interval, which includes the noise of the machine; `server_share` is the share of the core
that the server used while the page was open; as it yields to trainings, it slows none by more.
`load` is the machine's load average, with other users. Writes benchmarks/results/live_view.json.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from browser import Browser
from live_outputs import at_work, many

from benchmarks import machine
from benchmarks.peers import engine
from benchmarks.workloads import build_problem
from innerloop.evaluation.interval import over_tasks

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "benchmarks" / "results" / "live_view.json"
FINISHED, RUNNING = 200, 30
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
DRAWN = "performance.getEntriesByName('drawn')[0]?.startTime"
ROWS = "document.querySelectorAll('#runs tr').length"
REFRESH = """(async () => {
  const began = performance.now();
  await window.refresh();
  return performance.now() - began;
})()"""
SETTLE = 2.0  #: seconds after the page was opened or closed before a turn is timed


class Service(NamedTuple):
    """A running server.

    Arguments:
        address: of its page.
        process: its number.
    """

    address: str
    process: int


@contextmanager
def service(outputs: Path, core: int) -> Iterator[Service]:
    """While open, `innerloop live` serves the runs on one core."""
    words = [sys.executable, str(ROOT / "src" / "live.py"), str(outputs), "--port", "0"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    os.sched_setaffinity(process.pid, {core})
    assert process.stdout is not None
    line = process.stdout.readline()  # N runs at ADDRESS (Ctrl-C ends it)
    try:
        yield Service(line.split(" at ")[1].split()[0], process.pid)
    finally:
        process.terminate()
        process.wait()


def page(browser: Browser, address: str, loads: int, refreshes: int) -> dict[str, Any]:
    """Milliseconds until the first paint and until the runs are drawn, and of refreshes."""
    painted, drawn = [], []
    for _ in range(loads):
        browser.open("about:blank")
        browser.open(address)
        browser.until(f"{ROWS} == {FINISHED + RUNNING}")
        painted.append(browser.until(PAINTED))
        drawn.append(browser.until(DRAWN))
    asked = [browser.ask(REFRESH) for _ in range(refreshes)]
    measured = {"first_paint_ms": painted, "drawn_ms": drawn, "refresh_ms": asked}
    return {
        name: {"median": statistics.median(values), "worst": max(values)}
        for name, values in measured.items()
    }


def slowing(browser: Browser, served: Service, pairs: int, seconds: float) -> dict[str, Any]:
    """How much longer an outer step takes while the page is open.

    Arguments:
        pairs: of a turn with the page closed and a turn with it open.
        seconds: of a turn.
    """
    step = engine.contender(build_problem("sinusoid_5", "engine.compile=false")).seconds
    step(20)  # warms up
    steps, shares, ratios = max(1, round(seconds / step(20))), [], []
    for number in range(pairs):
        times = {}
        for opened in (False, True) if number % 2 == 0 else (True, False):
            browser.open(served.address if opened else "about:blank")
            time.sleep(SETTLE)
            began, used = time.perf_counter(), worked(served.process)
            times[opened] = step(steps)
            if opened:
                spent = worked(served.process) - used
                shares.append(spent / (time.perf_counter() - began))
        ratios.append(times[True] / times[False] - 1)
    slowed = over_tasks(torch.tensor(ratios))
    return {
        "slowed": slowed.mean, "slowed_ci95": slowed.ci95,
        "slowed_median": statistics.median(ratios), "pairs": pairs, "steps_of_a_turn": steps,
        "server_share": statistics.mean(shares),
    }  # fmt: skip


def worked(process: int) -> float:
    """Seconds of a core that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=6.0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    core, described = min(os.sched_getaffinity(0)), machine.describe()
    with tempfile.TemporaryDirectory() as folder:
        running = many(Path(folder) / "outputs", FINISHED, RUNNING)
        with (
            service(Path(folder) / "outputs", core) as served,
            at_work(running, every=1.0),
        ):
            browser = Browser(Path(folder))
            result = {"finished": FINISHED, "running": RUNNING}
            result |= page(browser, served.address, loads=5, refreshes=20)
            os.sched_setaffinity(0, {core})
            result |= slowing(browser, served, given.pairs, given.seconds)
            browser.close()
    result |= {"load": os.getloadavg()[1], "machine": described}
    OUT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
