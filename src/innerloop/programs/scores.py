"""The program scores.py: a run's scores as a file of a score bank."""

from pathlib import Path

import numpy as np

from innerloop.errors import UserError, visible
from innerloop.evaluation import score_file
from innerloop.evaluation.schema import RESULTS
from innerloop.machine.mappings import PlainDict, read_json
from innerloop.reporting import finished, short_names


def export(run: str, file: Path, outputs: Path) -> None:
    """Writes the score file of a run, and prints where it is.

    Arguments:
        run: the folder of a run or of one of its tests on other data sets, or a short name.
        file: to write; its name ends in `.npz`.
        outputs: the folder in which short names look for runs.

    Raises:
        UserError: if there is no such run, if it has no scores, or for another name of the file.
    """
    if file.suffix != score_file.SUFFIX:
        raise UserError(
            f"{file}: the name of a score file ends in {score_file.SUFFIX}, such as mine.npz."
        )
    folder = Path(run).expanduser()
    named = None if folder.is_dir() else short_names.named(run, finished.below(outputs))
    test = named or finished.read(folder)
    names = class_names(test.classes, read_json(test.folder / RESULTS))
    score_file.write(file, test.results, test.scores, test.classes, names)
    print(visible(f"{len(test.scores):,} scores of {test.name} in {file}"))


def class_names(classes: np.ndarray | None, results: PlainDict) -> dict[str, str]:
    """Names of the classes by number, as far as the results name them; else empty.

    Arguments:
        classes: `(tasks, ways)` numbers; -1 for none.
        results: the content of `results.json`, where `per_class` has the classes in the order of
            their numbers.
    """
    named = results.get("per_class")
    if classes is None or not isinstance(named, dict):
        return {}
    numbers = np.unique(classes[classes >= 0])
    return dict(zip(map(str, numbers), named, strict=True)) if len(numbers) == len(named) else {}
