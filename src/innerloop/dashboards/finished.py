"""What is sent to W&B after the test: curve, episodes, results, artifacts."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from innerloop.dashboards import single
from innerloop.dashboards.episodes import Episodes
from innerloop.startup import places

if TYPE_CHECKING:
    from wandb import Run

Results = dict[str, Any]  #: the content of `results.json`, or of an entry in it

STEP = "inner_step"
DATA = "WANDB_DATA_DIR"
LEFT_OUT = ("test", "per_class", "versions")  #: parts of the results that are not sent as they are


def curve(run: "Run", results: Results) -> None:
    """Sends the headline metric after every inner step, as `adaptation/METRIC` and as a table.

    Arguments:
        run: the W&B run.
        results: the curve is in the entries `METRIC/step_K` of its `test`.
    """
    import wandb

    metric = results["metric"]["name"]
    steps = single.by_step(results["test"], f"{metric}/step_")
    if not steps:
        return
    columns = list(next(iter(steps.values())))
    rows = [[step, *(entry.get(name) for name in columns)] for step, entry in steps.items()]
    run.log({"test/curve": wandb.Table([STEP, *columns], rows)})
    run.define_metric(STEP)
    run.define_metric(f"adaptation/{metric}", step_metric=STEP)
    for step, entry in steps.items():
        run.log({STEP: step, f"adaptation/{metric}": entry["mean"]})


def summary(run: "Run", results: Results) -> None:
    """Sends the results to the summary, and those that charts show under names of their own."""
    metric = results["metric"]["name"]
    run.summary.update(
        {
            "results": {key: value for key, value in results.items() if key not in LEFT_OUT},
            f"test/{metric}_ci95": results["test"][metric]["ci95"],
            f"val/{metric}_best": results["checkpoint"]["validation"][metric],
        }
    )


def numbers(run: "Run", results: Results) -> None:
    """Sends the numbers of the test as the table `test/numbers`."""
    import wandb

    run.log({"test/numbers": wandb.Table(list(single.COLUMNS), single.rows(results))})


def episodes(run: "Run", shown: Episodes) -> None:
    """Sends the table `test/episodes`."""
    import wandb

    table = wandb.Table(list(shown.columns))
    for row in shown.rows():
        table.add_data(*[wandb.Image(v) if isinstance(v, np.ndarray) else v for v in row])
    run.log({"test/episodes": table})


def code(run: "Run") -> None:
    """Sends the program and its configuration as an artifact; W&B records the commit itself."""
    root = places.checkout() or places.PACKAGE
    folders = (root / "src", root / "conf") if places.checkout() else (root,)
    files = [p for folder in folders for p in folder.rglob("*")]
    sources = sorted(p for p in files if p.suffix in (".py", ".yaml"))
    _send(run, "code", ((p, p.relative_to(root).as_posix()) for p in sources))


def checkpoint(run: "Run", file: Path) -> None:
    """Sends the tested checkpoint as an artifact."""
    _send(run, "model", [(file, file.name)])


@contextmanager
def staged(folder: Path) -> Iterator[None]:
    """While open, W&B copies the files of artifacts to the run's folder, not to the home folder.

    A later `wandb sync` reads them there.
    """
    if DATA in os.environ:  # the user has chosen
        yield
        return
    os.environ[DATA] = str(folder / "wandb" / "staged")
    try:
        yield
    finally:
        del os.environ[DATA]


def _send(run: "Run", kind: str, files: Iterable[tuple[Path, str]]) -> None:
    import wandb

    artifact = wandb.Artifact(f"{kind}-{run.id}", type=kind)
    for file, name in files:
        artifact.add_file(str(file), name)
    run.log_artifact(artifact)
