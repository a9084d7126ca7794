"""Which engine runs the tasks: the one the user asked for, or the one known to be fast."""

import shutil
from typing import Any

import torch
from torch import nn

from innerloop.adaptation.checkpointing import Checkpoint
from innerloop.algorithms.algorithm import Algorithm
from innerloop.engines.engine import Engine
from innerloop.engines.known import unknown
from innerloop.engines.passes import Compile
from innerloop.engines.trying import TryingEngine
from innerloop.errors import UserError

NAMES = ("auto", "vmap", "loop", "learn2learn")
SMALL_IMAGE = 40 * 40  #: pixels up to which tasks run side by side on a CPU
WORTH_COMPILING = 10_000  #: outer steps that pay for a compilation, where nothing is measured
WORTH_TRYING = 500  #: outer steps that pay for a dozen trial steps


def choose(
    algorithm: Algorithm,
    name: str,
    chunk: int | None,
    compile: Compile | None,
    device: str,
    steps: int,
    pixels: int = 1,
    alone: bool = True,
    checkpoint: Checkpoint = False,
    threads: int | None = None,
    capture: bool | None = None,
) -> Engine:
    """The engine `name`; with `auto`, by device, model and length of the training.

    If the run is long enough, the first batch is used to measure how many tasks run side by side,
    on how many CPU threads, and whether steps are compiled. If it is not, images up to about 28x28
    pixels run all at once and larger ones one by one on a CPU, where convolutions whose weights
    differ from task to task become slower, grouped ones. Compiling does not make convolutions
    faster there.

    Arguments:
        device: `cpu`, `cuda` or `mps`.
        steps: outer steps ahead.
        compile: `steps` compiles inner steps alone; None to decide by itself.
        pixels: of an input image.
        alone: whether this is the only process; several could choose different ways.
        checkpoint: whether inner steps are computed again; such gradients are not compiled.
        threads: CPU threads that the user asked for; None to choose them.
        capture: whether work is replayed as CUDA graphs; None: on a GPU.

    Raises:
        UserError: for unknown names, and for settings that exclude each other.
    """
    _check(name, compile, checkpoint, capture and device)
    if checkpoint == "mixed":
        _check_mixed(algorithm)
    if compile == "steps" and not algorithm.second_order:
        raise UserError(
            "engine.compile=steps compiles inner steps that the outer loop differentiates, and "
            f"{type(algorithm).__name__} has none: leave it out, or use engine.compile=true."
        )
    if name == "learn2learn":
        from innerloop.engines.learn2learn import Learn2LearnEngine

        return Learn2LearnEngine(algorithm)
    capture = device == "cuda" if capture is None else capture
    if algorithm.whole_batch:  # one pass over all images of the batch: nothing is left to choose
        return Engine(None, False, "vmap")
    if algorithm.one_by_one:
        return Engine(1, False, "loop", checkpoint, capture=capture)
    tries = name == "auto" and chunk is None and alone and steps >= WORTH_TRYING and not compile
    may_compile = False if compile is not None or checkpoint else _worth(algorithm, device, capture)
    if compile is None:
        compile = may_compile is True and not tries and steps >= WORTH_COMPILING
    if name == "auto":
        slow = chunk is None and _slow_side_by_side(algorithm, device, pixels)
        name = "loop" if slow else "vmap"
    engine = Engine(1 if name == "loop" else chunk, compile, name, checkpoint, capture=capture)
    if not tries:
        return engine
    may_mix = capture and not checkpoint and _mixes(algorithm)
    may_thread = device == "cpu" and threads is None
    return TryingEngine(engine, steps, may_compile, may_thread, may_mix)


def _check(
    name: str, compile: Compile | None, checkpoint: Checkpoint, capture_on: str | bool | None
) -> None:
    if name not in NAMES:
        raise UserError(f"engine={name} is unknown: choose {', '.join(NAMES)}.")
    if capture_on and (capture_on != "cuda" or name == "learn2learn"):
        raise UserError(
            "engine.capture=true replays CUDA graphs, which a CPU does not have and learn2learn's "
            "classes do not allow: leave it out, or use trainer=gpu and engine=auto, vmap or loop."
        )
    if checkpoint and (compile or name == "learn2learn"):
        raise UserError(
            f"engine.checkpoint={str(checkpoint).lower()} computes inner steps again, which "
            "neither compiled gradients nor learn2learn's classes do: leave out "
            "engine.compile=true or steps, and choose engine=auto, vmap or loop."
        )


def _check_mixed(algorithm: Algorithm) -> None:
    """Refuses mixed mode where nobody has shown that its meta-gradient is the unrolled one."""
    name, layers = type(algorithm).__name__, ", ".join(unknown(algorithm))
    if _mixes(algorithm):
        return
    why = f"of the layers {layers}" if layers else f"of {name}"
    raise UserError(
        f"engine.checkpoint=mixed is not known to give the meta-gradient {why}: it is for MAML, "
        "ANIL, BOIL, Meta-SGD and others built on MAML, of second order, with layers that "
        "innerloop knows. Use engine.checkpoint=true, which saves memory too."
    )


def _mixes(algorithm: Algorithm) -> bool:
    """Whether mixed mode is known to give the meta-gradient."""
    return algorithm.mixed_mode and bool(algorithm.second_order) and not unknown(algorithm)


def _slow_side_by_side(algorithm: Algorithm, device: str, pixels: int) -> bool:
    """Whether tasks run faster one by one: a learner that embeds convolves them in one pass."""
    large = device == "cpu" and pixels > SMALL_IMAGE
    return large and _convolves(algorithm) and not algorithm.embeds


def restore(algorithm: Algorithm, record: dict[str, Any]) -> Engine:
    """The engine that a run began with, from `Engine.describe`."""
    if record["name"] == "learn2learn":
        return choose(algorithm, "learn2learn", None, False, "cpu", 0)
    engine = Engine(
        record["chunk"], can_compile() and record["compile"], record["name"],
        record.get("checkpoint", False), record.get("each_task", False),
        record.get("capture", False) and torch.cuda.is_available(),
    )  # fmt: skip
    engine.threads, engine.streams = record.get("threads"), record.get("streams", 1)
    return engine


def _worth(algorithm: Algorithm, device: str, capture: bool) -> Compile:
    """What may pay to compile: on a GPU only inner steps, for all takes minutes there."""
    if capture and algorithm.unrolls and can_compile():
        return "steps"
    return compiles(None, algorithm, device) and not algorithm.embeds


def compiles(asked: Compile | None, algorithm: Algorithm, device: str) -> bool:
    """Whether to compile: as asked, or by default whether it pays in a long training.

    On a GPU, replayed steps need no compiling, which takes minutes for several inner steps there.
    """
    pays = device == "cpu" and not _convolves(algorithm)
    return can_compile() and (pays if asked is None else bool(asked))


def can_compile() -> bool:
    """Whether a C++ compiler is installed, which compiling needs."""
    return any(shutil.which(name) for name in ("c++", "g++", "clang++"))


def _convolves(module: nn.Module) -> bool:
    return any(isinstance(m, nn.Conv1d | nn.Conv2d | nn.Conv3d) for m in module.modules())
