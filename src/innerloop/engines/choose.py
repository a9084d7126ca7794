"""Which engine runs the tasks: the one the user asked for, or the one known to be fast."""

import shutil
from typing import Any

from torch import nn

from innerloop.algorithms.algorithm import Algorithm
from innerloop.engines.engine import Engine
from innerloop.engines.trial import TryingEngine
from innerloop.errors import UserError

NAMES = ("auto", "vmap", "loop", "learn2learn")
SMALL_IMAGE = 40 * 40  #: pixels up to which tasks run side by side on a CPU
WORTH_COMPILING = 10_000  #: outer steps that pay for a compilation
WORTH_TRYING = 500  #: outer steps that pay for a dozen trial steps


def choose(
    algorithm: Algorithm,
    name: str,
    chunk: int | None,
    compile: bool | None,
    device: str,
    steps: int,
    pixels: int = 1,
    alone: bool = True,
    checkpoint: bool = False,
) -> Engine:
    """The engine `name`; with `auto`, by device, model and length of the training.

    Small dense networks run all at once, compiled if the run is long. How many tasks run side by
    side otherwise is tried on the first batch, if the run is long enough. If it is not, images up
    to about 28x28 pixels run all at once and larger ones one by one on a CPU, where convolutions
    whose weights differ from task to task become slower, grouped ones. Compiling does not make
    convolutions faster there.

    Arguments:
        device: `cpu` or `cuda`.
        steps: outer steps ahead.
        compile: None to decide by itself.
        pixels: of an input image.
        alone: whether this is the only process; several could choose different ways.
        checkpoint: whether inner steps are computed again; such gradients are not compiled.

    Raises:
        UserError: for unknown names, and for settings that exclude each other.
    """
    _check(name, compile, checkpoint)
    if name == "learn2learn":
        from innerloop.engines.learn2learn import Learn2LearnEngine

        return Learn2LearnEngine(algorithm)
    if algorithm.whole_batch:  # one pass over all images of the batch: nothing is left to choose
        return Engine(None, False, "vmap")
    if algorithm.one_by_one:
        return Engine(1, False, "loop", checkpoint)
    if compile is None:
        worth = steps >= WORTH_COMPILING and not (checkpoint or algorithm.embeds)
        compile = worth and compiles(None, algorithm, device)
    tries = name == "auto" and chunk is None and alone and steps >= WORTH_TRYING
    if name == "auto" and chunk is None and _slow_side_by_side(algorithm, device, pixels):
        name = "loop"
    name = "vmap" if name == "auto" else name
    engine = Engine(1 if name == "loop" else chunk, compile, name, checkpoint)
    return TryingEngine(engine) if tries and not compile else engine


def _check(name: str, compile: bool | None, checkpoint: bool) -> None:
    if name not in NAMES:
        raise UserError(f"engine={name} is unknown: choose {', '.join(NAMES)}.")
    if checkpoint and (compile or name == "learn2learn"):
        raise UserError(
            "engine.checkpoint=true computes inner steps again, which neither compiled gradients "
            "nor learn2learn's classes do: leave out engine.compile=true, and choose engine=auto, "
            "vmap or loop."
        )


def _slow_side_by_side(algorithm: Algorithm, device: str, pixels: int) -> bool:
    """Whether tasks run faster one by one: a learner that embeds convolves them in one pass."""
    large = device == "cpu" and pixels > SMALL_IMAGE
    return large and _convolves(algorithm) and not algorithm.embeds


def restore(algorithm: Algorithm, record: dict[str, Any]) -> Engine:
    """The engine that a run began with, from `Engine.describe`."""
    if record["name"] == "learn2learn":
        return choose(algorithm, "learn2learn", None, False, "cpu", 0)
    return Engine(
        record["chunk"], record["compile"] and can_compile(), record["name"],
        record.get("checkpoint", False), record.get("each_task", False),
    )  # fmt: skip


def compiles(asked: bool | None, algorithm: Algorithm, device: str) -> bool:
    """Whether to compile: as asked, or by default whether it pays in a long training."""
    pays = not (device == "cpu" and _convolves(algorithm))
    return can_compile() and (pays if asked is None else asked)


def can_compile() -> bool:
    """Whether a C++ compiler is installed, which compiling needs."""
    return any(shutil.which(name) for name in ("c++", "g++", "clang++"))


def _convolves(module: nn.Module) -> bool:
    return any(isinstance(m, nn.Conv1d | nn.Conv2d | nn.Conv3d) for m in module.modules())
