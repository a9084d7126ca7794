"""`init_from`: a training that starts from the body of another run, and records which run."""

import hashlib
from pathlib import Path

from torch import Tensor, nn

from innerloop.algorithms.algorithm import Algorithm
from innerloop.errors import UserError, visible
from innerloop.run import notices, trained
from innerloop.run.plain import PlainDict

BODY = "algorithm.model.body."  #: in a checkpoint, names of a body's tensors begin so
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
    record, theirs = content["innerloop"], _body_in(content["state_dict"])
    _load(algorithm.model, theirs, path)
    names = record["config"].get("names", {})
    origin = {
        "run": str(path.parents[1] if path.parent.name == "checkpoints" else path.parent),
        "algorithm": names.get("algorithm"),
        "dataset": names.get("dataset"),
        "checkpoint": path.name,
        "step": record["step"],
        "sha256": digest(theirs),
    }
    notices.say(f"starts from the body of {origin['algorithm']} on {origin['dataset']}, {path}")
    return origin


def digest(weights: dict[str, Tensor]) -> str:
    """SHA-256 of tensors by name: of the names, shapes and values, in the order of the names."""
    checksum = hashlib.sha256()
    for name in sorted(weights):
        value = weights[name].detach().cpu().contiguous()
        checksum.update(f"{name} {value.dtype} {tuple(value.shape)} ".encode())
        checksum.update(value.numpy().tobytes())
    return checksum.hexdigest()


def _body_in(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(BODY): v for k, v in state.items() if k.startswith(BODY)}


def _load(model: nn.Module, theirs: dict[str, Tensor], path: Path) -> None:
    """Copies the body's tensors; raises `UserError` if names or shapes differ.

    Only running averages may be missing on either side.
    """
    body = getattr(model, "body", None)
    if not isinstance(body, nn.Module) or not theirs:
        raise UserError(f"init_from={visible(path)}: the run, or this model, has no body.")
    ours = body.state_dict()
    for name in {**ours, **theirs}:
        shapes = [_shape(weights.get(name)) for weights in (theirs, ours)]
        missing_average = None in shapes and name.endswith(AVERAGES)
        if shapes[0] != shapes[1] and not missing_average:
            raise UserError(
                f"init_from={visible(path)}: {visible(name)} has the shape {shapes[0]} in that "
                f"body and {shapes[1]} in this one: choose the model it was trained with."
            )
    body.load_state_dict({k: v for k, v in theirs.items() if k in ours}, strict=False)


def _shape(value: Tensor | None) -> tuple[int, ...] | None:
    return None if value is None else tuple(value.shape)
