"""What a training takes from another run, and the record of which: the body that it starts from
(`init_from`), or a teacher (`distil_from`)."""

import hashlib
from pathlib import Path

from torch import Tensor, nn

from innerloop.algorithms.algorithm import Algorithm
from innerloop.errors import UserError, visible
from innerloop.experiment import notices, trained
from innerloop.experiment.plain import Checkpoint, PlainDict
from innerloop.layers.teacher import Teacher

MODEL = "algorithm.model."  #: in a checkpoint, names of a model's tensors begin so
BODY = f"{MODEL}body."  #: and those of its body
AVERAGES = ("running_mean", "running_var")  #: names of the running averages of batch norm end so


def start_from(run: str, algorithm: Algorithm) -> PlainDict:
    """Copies the body of a run's best checkpoint into a learner; its head stays as it is.

    Running averages of batch norm are copied if both bodies keep them.

    Arguments:
        run: a run's folder, or a .ckpt file.
        algorithm: the learner.

    Returns:
        where the body comes from, as `results.json` records it.

    Raises:
        UserError: if the run has no such body.
    """
    path, content = trained.open_checkpoint(run)
    theirs = _named(content["state_dict"], BODY)
    body = getattr(algorithm.model, "body", None)
    if not isinstance(body, nn.Module) or not theirs:
        raise UserError(f"init_from={visible(path)}: the run, or this model, has no body.")
    _load(body, theirs, f"init_from={visible(path)}")
    origin = _origin(path, content, theirs)
    notices.say(f"starts from the body of {origin['algorithm']} on {origin['dataset']}, {path}")
    return origin


def learn_from(run: str, teacher: Teacher | None) -> PlainDict:
    """Copies the model of a run's best checkpoint into a teacher.

    Arguments:
        run: a run's folder, or a .ckpt file.
        teacher: of the learner; None if it has none.

    Returns:
        where the teacher comes from, as `results.json` records it.

    Raises:
        UserError: if the learner has no teacher, or the run has another model.
    """
    if teacher is None:
        raise UserError(
            f"distil_from={run}: this algorithm has no teacher. Use algorithm=rfs_distill."
        )
    path, content = trained.open_checkpoint(run)
    theirs = _named(content["state_dict"], MODEL)
    _load(teacher.model, theirs, f"distil_from={visible(path)}")
    origin = _origin(path, content, theirs)
    notices.say(f"is taught by {origin['algorithm']} on {origin['dataset']}, {path}")
    return origin


def _origin(path: Path, content: Checkpoint, taken: dict[str, Tensor]) -> PlainDict:
    """The record of what was taken from a checkpoint."""
    names = content["innerloop"]["config"].get("names", {})
    return {
        "run": str(path.parents[1] if path.parent.name == "checkpoints" else path.parent),
        "algorithm": names.get("algorithm"),
        "dataset": names.get("dataset"),
        "checkpoint": path.name,
        "step": content["innerloop"]["step"],
        "sha256": digest(taken),
    }


def digest(weights: dict[str, Tensor]) -> str:
    """SHA-256 of tensors by name: of the names, shapes and values, in the order of the names."""
    checksum = hashlib.sha256()
    for name in sorted(weights):
        value = weights[name].detach().cpu().contiguous()
        checksum.update(f"{name} {value.dtype} {tuple(value.shape)} ".encode())
        checksum.update(value.numpy().tobytes())
    return checksum.hexdigest()


def _named(state: dict[str, Tensor], start: str) -> dict[str, Tensor]:
    """The tensors whose names begin so, by the rest of their names."""
    return {k.removeprefix(start): v for k, v in state.items() if k.startswith(start)}


def _load(module: nn.Module, theirs: dict[str, Tensor], argument: str) -> None:
    """Copies a module's tensors; raises `UserError` if names or shapes differ.

    Only running averages may be missing on either side.
    """
    ours = module.state_dict()
    for name in {**ours, **theirs}:
        shapes = [_shape(weights.get(name)) for weights in (theirs, ours)]
        missing_average = None in shapes and name.endswith(AVERAGES)
        if shapes[0] != shapes[1] and not missing_average:
            raise UserError(
                f"{argument}: {visible(name)} has the shape {shapes[0]} in that "
                f"run and {shapes[1]} in this one: choose the model it was trained with."
            )
    module.load_state_dict({k: v for k, v in theirs.items() if k in ours}, strict=False)


def _shape(value: Tensor | None) -> tuple[int, ...] | None:
    return None if value is None else tuple(value.shape)
