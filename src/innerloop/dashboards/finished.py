"""What only a finished test can send to W&B: curve, episodes, results, artifacts."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from innerloop.dashboards.episodes import Episodes

STEP = "inner_step"
DATA = "WANDB_DATA_DIR"
HERE = Path(__file__).resolve().parents[3]  #: the program's own folder
LEFT_OUT = ("test", "per_class", "versions")  #: of results.json: long, or sent in another form


def curve(run: Any, results: dict[str, Any]) -> None:
    """The headline metric after every inner step: as lines `adaptation/METRIC` and as a table.

    Arguments:
        results: what `results.json` holds, with entries `METRIC/step_K` of its test.
    """
    import wandb

    metric = results["metric"]["name"]
    beginning = f"{metric}/step_"
    steps = {
        int(key.removeprefix(beginning)): entry
        for key, entry in results["test"].items()
        if key.startswith(beginning)
    }
    if not steps:
        return
    names = list(next(iter(steps.values())))
    rows = [[step, *(entry.get(name) for name in names)] for step, entry in steps.items()]
    run.log({"test/curve": wandb.Table([STEP, *names], rows)})
    run.define_metric(STEP)
    run.define_metric(f"adaptation/{metric}", step_metric=STEP)
    for step, entry in steps.items():
        run.log({STEP: step, f"adaptation/{metric}": entry["mean"]})


def summary(run: Any, results: dict[str, Any]) -> None:
    """`results.json` under `results`, and what charts ask for under names of its own."""
    metric = results["metric"]["name"]
    run.summary.update(
        {
            "results": {key: value for key, value in results.items() if key not in LEFT_OUT},
            f"test/{metric}_ci95": results["test"][metric]["ci95"],
            f"val/{metric}_best": results["checkpoint"]["validation"][metric],
        }
    )


def episodes(run: Any, shown: Episodes) -> None:
    """The table `test/episodes`."""
    import wandb

    table = wandb.Table(list(shown.columns))
    for row in shown.rows():
        table.add_data(*[wandb.Image(v) if hasattr(v, "shape") else v for v in row])
    run.log({"test/episodes": table})


def code(run: Any) -> None:
    """The program and its settings as an artifact; W&B itself notes the commit."""
    files = [p for part in ("src", "conf") for p in (HERE / part).rglob("*")]
    kept = [p for p in files if p.suffix in (".py", ".yaml")]
    _send(run, "code", ((p, p.relative_to(HERE).as_posix()) for p in sorted(kept)))


def checkpoint(run: Any, file: Path) -> None:
    """The checkpoint that was tested as an artifact."""
    _send(run, "model", [(file, file.name)])


@contextmanager
def staged(folder: Path) -> Iterator[None]:
    """While open, W&B copies what an artifact holds to the run's folder, not to the home folder.

    A later `wandb sync` reads it there.
    """
    if DATA in os.environ:  # the user has chosen
        yield
        return
    os.environ[DATA] = str(folder / "wandb" / "staged")
    try:
        yield
    finally:
        del os.environ[DATA]


def _send(run: Any, kind: str, files: Iterable[tuple[Path, str]]) -> None:
    import wandb

    artifact = wandb.Artifact(f"{kind}-{run.id}", type=kind)
    for file, name in files:
        artifact.add_file(str(file), name)
    run.log_artifact(artifact)
