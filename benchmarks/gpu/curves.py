"""innerloop and learn2learn over the number of tasks, inner steps, ways and the size of images."""

from typing import Any

from benchmarks.gpu.problems import milliseconds, problem
from benchmarks.peers import engine, learn2learn

AXES = {
    "tasks": {n: (f"outer.tasks={n}",) for n in (1, 4, 16, 64)},
    "steps": {n: (f"inner.steps={n}",) for n in (1, 5, 10)},
    "ways": {n: (f"episode.ways={n}",) for n in (5, 10, 20)},
    "pixels": {n: (f"dataset.size={n}", f"dataset.input_shape=[3,{n},{n}]") for n in (28, 56, 84)},
}


def measure(device: str, axes: dict[str, dict[int, tuple[str, ...]]] = AXES) -> dict[str, Any]:
    """Milliseconds of an outer step, by axis, its value, and library.

    Arguments:
        axes: overrides of the miniImageNet workload by axis and value.
    """
    return {
        "ms": {axis: {str(n): _at(device, more) for n, more in values.items()}
               for axis, values in axes.items()},
        "device": device,
    }  # fmt: skip


def _at(device: str, more: tuple[str, ...]) -> dict[str, float]:
    workload = problem("miniimagenet", device, *more)
    contenders = {
        "innerloop": engine.contender(workload), "learn2learn": learn2learn.contender(workload)
    }  # fmt: skip
    return milliseconds(contenders, device)
