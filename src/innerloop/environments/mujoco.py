"""MuJoCo's physics as a pure function of states and controls, for many episodes at once."""

import functools
import importlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from innerloop.errors import UserError

Model = Any  #: a `mujoco.MjModel`; the package is imported where it is used


def load(robot: str) -> Model:
    """The model of one of Gymnasium's robots, such as `half_cheetah`.

    Raises:
        UserError: without Gymnasium and MuJoCo.
    """
    try:
        mujoco, gymnasium = map(importlib.import_module, ("mujoco", "gymnasium"))
    except ModuleNotFoundError as missing:
        raise UserError(
            f"This data set needs MuJoCo and Gymnasium ({missing.name} is missing): install them "
            "with pip install 'innerloop[rl]', or choose dataset=navigation2d, which needs neither."
        ) from missing
    file = Path(str(gymnasium.__file__)).parent / "envs" / "mujoco" / "assets" / f"{robot}.xml"
    shows = mujoco.get_mju_user_warning()
    mujoco.set_mju_user_warning(lambda text: None)  # it warns of the form of Gymnasium's files
    try:
        return mujoco.MjModel.from_xml_path(str(file))
    finally:
        mujoco.set_mju_user_warning(shows)


@functools.cache  # in each process
def _loaded(robot: str) -> tuple[Model, Any]:
    model = load(robot)
    return model, importlib.import_module("mujoco").MjData(model)


def advance(robot: str, state: Tensor, controls: Tensor, frames: int) -> Tensor:
    """Positions and velocities `(n, s)` after some frames with the same controls `(n, c)`.

    It has no derivative, and runs under `vmap`; every step starts MuJoCo's solver anew, so that the
    result depends on the arguments alone.

    Arguments:
        robot: name of its file in Gymnasium.
        state: positions, then velocities, `(n, s)`.
        frames: steps of the simulation.
    """
    after: Tensor = _advance(robot, state, controls.to(state.dtype), frames)
    return after


@torch.library.custom_op("innerloop::mujoco", mutates_args=())
def _advance(robot: str, state: Tensor, controls: Tensor, frames: int) -> Tensor:
    rollout = importlib.import_module("mujoco.rollout")
    model, data = _loaded(robot)
    now = state.detach().cpu().double().numpy()
    control = controls.detach().cpu().double().numpy()[:, None].repeat(frames, 1)
    timed = np.concatenate([np.zeros((len(now), 1)), now], 1)  # the first number is the time
    states, _ = rollout.rollout(model, [data], initial_state=timed, control=control)
    return torch.from_numpy(states[:, -1, 1:]).to(state)


@_advance.register_fake
def _shape(robot: str, state: Tensor, controls: Tensor, frames: int) -> Tensor:
    return torch.empty_like(state)


@_advance.register_vmap
def _side_by_side(
    info: Any, places: tuple[int | None, ...], robot: str, state: Tensor, controls: Tensor, f: int
) -> tuple[Tensor, int]:
    """All episodes of all tasks as one list."""

    def first(part: Tensor, place: int | None) -> Tensor:
        size = info.batch_size
        return part.expand(size, *part.shape) if place is None else part.movedim(place, 0)

    state, controls = first(state, places[1]), first(controls, places[2])
    flat = _advance(robot, state.flatten(0, 1), controls.flatten(0, 1), f)
    return flat.unflatten(0, state.shape[:2]), 0
