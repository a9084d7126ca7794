"""The test tasks of a run, one after the other, for another library to be tested on."""

from collections.abc import Iterator
from pathlib import Path

from innerloop.evaluation.schema import RESULTS
from innerloop.evaluation.schema import read as read_results
from innerloop.experiment import forms, restored
from innerloop.experiment.parts.data import build_data, build_episodes
from innerloop.machine.mappings import read_json
from innerloop.tasks import Task


def listed_tasks(run: Path | str, trust: bool = False) -> Iterator[Task]:
    """The test tasks in the order of the run's list, as its learner saw them.

    Arguments:
        run: the folder of a run.
        trust: whether its configuration may name code that innerloop does not know.

    Returns:
        For each task, support and query with inputs `(n, ...)` and targets `(n,)`, on the CPU.

    Raises:
        UserError: if it is no run, or if its data are not available.
    """
    config = restored.of_run(Path(run), trust)
    with restored.rebuilding(Path(run)):
        data = build_data(config, build_episodes(config))
    data.prepare_data()
    yield from forms.test_tasks(data, data.source, data.test_tasks)


def hash_of(run: Path | str) -> str:
    """The hash that names the list of test tasks of a finished run.

    Raises:
        UserError: if no run has finished there.
    """
    file = Path(run) / RESULTS
    return read_results(read_json(file), file).protocol.hash
