"""Score files, of which a score bank consists: the scores of a test's tasks, in a small archive.

Any library can write one, so that a paired test against its method needs no rerun. A file is a
NumPy archive (`.npz`) with these arrays; docs/score_bank.md describes them:

* `about`: the UTF-8 bytes of a JSON object with keys of `results.json`, of which `REQUIRED` must be
  there, and with `format`.
* `scores`: the headline metric of each task, `(tasks,)`, in the order of the list of tasks.
* `classes`: optional, the number of each task's classes, `(tasks, ways)`; -1 fills shorter rows.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from innerloop.evaluation.schema import Results
from innerloop.machine.arrays import read_array
from innerloop.machine.files import whole_file
from innerloop.machine.foreign import BadFile
from innerloop.machine.mappings import PlainDict

FORMAT = "innerloop scores 1"
SUFFIX = ".npz"
ABOUT, SCORES, CLASSES = "about", "scores", "classes"  #: names of the arrays
REQUIRED = ("algorithm", "dataset", "command", "seed", "episode", "protocol", "metric")
DESCRIBED = (  #: what a run writes of its results
    *REQUIRED, "trained_on", "model", "experiment", "norm", "encoder", "outer", "training",
    "init_from", "distil_from", "seconds", "git",
)  # fmt: skip


def write(
    file: Path,
    results: Results,
    scores: np.ndarray,
    classes: np.ndarray | None = None,
    class_names: Mapping[str, str] | None = None,
) -> None:
    """Writes a score file, with single precision.

    Arguments:
        file: a name that ends in `.npz`.
        results: of the test; the file holds those of `DESCRIBED`.
        scores: `(tasks,)`.
        classes: `(tasks, ways)` integers.
        class_names: of the classes, by number.
    """
    content = results.model_dump(mode="json", by_alias=True, exclude_none=True)
    about: PlainDict = {"format": FORMAT} | {k: content[k] for k in DESCRIBED if k in content}
    about["metric"] = results.metric._asdict()  # older results do not record it
    if class_names:
        about["class_names"] = dict(class_names)
    text = json.dumps(about, allow_nan=False).encode()
    arrays = {ABOUT: np.frombuffer(text, np.uint8), SCORES: scores.astype(np.float32)}
    if classes is not None:
        arrays[CLASSES] = classes.astype(np.int32)
    with whole_file(file) as opened:
        np.savez_compressed(opened, **arrays)  # type: ignore[arg-type]


def read_about(file: Path) -> PlainDict:
    """What a score file says about its scores.

    Raises:
        BadFile: if it is no score file.
    """
    text = read_array(file, ABOUT)
    try:
        about = None if text is None else json.loads(text.tobytes().decode())
    except (ValueError, RecursionError):
        about = None
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise BadFile(
            file, f"is no score file ({FORMAT!r}): docs/score_bank.md says what one holds"
        )
    return about
