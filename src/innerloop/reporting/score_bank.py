"""Score files in the place of finished runs."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from innerloop.errors import UserError
from innerloop.evaluation import schema, score_file
from innerloop.evaluation.interval import over_tasks
from innerloop.machine.arrays import read_array
from innerloop.machine.foreign import BadFile
from innerloop.reporting.finished import Finished
from innerloop.startup.keys import flat


@dataclass(frozen=True)
class Banked(Finished):
    """A test of which only a score file is at hand; `folder` is that file."""

    @property
    def name(self) -> str:
        return self.folder.stem

    @property
    def is_run(self) -> bool:
        return False

    @property
    def scores_file(self) -> Path:
        return self.folder

    def _array(self, name: str) -> np.ndarray | None:
        kept = score_file.SCORES if name == self.metric.name else name
        return read_array(self.folder, kept)


def named(argument: str) -> tuple[str, Path] | None:
    """The name and the file of `FILE.npz` or `NAME=FILE.npz`; None for another argument."""
    name, equals, place = argument.partition("=")
    for title, file in ((argument, argument), (name, place if equals else "")):
        path = Path(file).expanduser()
        if path.suffix == score_file.SUFFIX and path.is_file():
            return title, path
    return None


def read(file: Path) -> Banked:
    """The test that a score file holds; its mean is that of its scores.

    Raises:
        UserError: if it is no score file, or if something is missing from it.
    """
    about = score_file.read_about(file)
    missing = [key for key in score_file.REQUIRED if key not in about]
    if missing:
        raise UserError(
            f"{file} does not say its {', '.join(missing)}; docs/score_bank.md says how to."
        )
    scores = read_array(file, score_file.SCORES)
    if scores is None or scores.ndim != 1 or scores.dtype.kind != "f":
        raise BadFile(file, "does not hold a score for each task")
    entry = {**over_tasks(torch.from_numpy(scores))._asdict(), "tasks": len(scores)}
    about["protocol"] = {"tasks": len(scores), "scored_step": None} | _mapping(about["protocol"])
    name = str(_mapping(about["metric"]).get("name"))
    results = schema.read(about | {"test": {name: entry}}, file)
    values = flat(results.model_dump(mode="json", by_alias=True))
    return Banked(file, results, values | {"trained_on": results.training_set}, {})


def _mapping(value: object) -> dict[str, object]:
    """The value itself, if it is a mapping; the results' schema then names what is missing."""
    return value if isinstance(value, dict) else {}
