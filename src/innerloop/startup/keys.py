"""What every key of the configuration is to a run: the one table that all others read.

A new key of `conf/` is covered by its section's line, or gets a line of its own here. Imports
nothing heavy.
"""

from enum import Flag, auto
from typing import Any


class Role(Flag):
    """What a key, and all below it, is to a run."""

    NONE = 0
    RESULT = auto()  #: moves the result: part of a setting, and of the hash that names it
    RESUME = auto()  #: `train.py resume=RUN` may change it
    EVALUATE = auto()  #: `evaluate.py ckpt_path=RUN` may change it
    PUBLISHED = auto()  #: compared with the setting that a paper published
    ANNOUNCED = auto()  #: printed at the start where it is not the default


# What the learner is and what it learns from; and the machine, and what a run is watched by.
LEARNED = Role.RESULT | Role.PUBLISHED | Role.ANNOUNCED
AROUND = Role.RESUME | Role.EVALUATE | Role.ANNOUNCED

KEYS: dict[str, Role] = {  #: by dotted key; the longest beginning of a key speaks for it
    "algorithm": LEARNED,
    "callbacks": Role.RESUME,
    "ckpt_path": Role.NONE,
    "dataset": LEARNED,
    "dataset.data_dir": AROUND,  # where the data lie
    "dataset.on_device": AROUND,
    "dataset.path": AROUND,
    "deviates": Role.NONE,
    "diagnostics": AROUND,
    "engine": Role.EVALUATE | Role.ANNOUNCED,  # every engine computes the same, but for rounding
    "episode": LEARNED,
    "episode.test": LEARNED | Role.EVALUATE,
    "estimate": Role.ANNOUNCED,
    "evaluation": Role.RESULT | Role.EVALUATE | Role.ANNOUNCED,
    "evaluation.batch": Role.EVALUATE | Role.ANNOUNCED,
    "evaluation.on": AROUND,  # further tests of the same training
    "evaluation.scored_step": LEARNED | Role.EVALUATE,
    "evaluation.tasks": LEARNED | Role.EVALUATE,
    "hydra": Role.NONE,
    "init_from": LEARNED,
    "inner": LEARNED,
    "log_every": Role.ANNOUNCED,
    "logger": Role.RESUME | Role.EVALUATE,
    "model": LEARNED,
    "names": Role.NONE,
    "norm": LEARNED,
    "objective": LEARNED,
    "outer": LEARNED,
    "outer.nonfinite": Role.PUBLISHED | Role.ANNOUNCED,  # moves only what would have stopped
    "outer.steps": LEARNED | Role.RESUME,
    "paths": Role.RESUME | Role.EVALUATE,
    "patience": AROUND,
    "published": Role.NONE,
    "resume": Role.ANNOUNCED,
    "seed": Role.ANNOUNCED,
    "sweep": Role.ANNOUNCED,
    "tags": AROUND,
    "threads": AROUND,
    "trainer": AROUND,
    "trainer.precision": AROUND | Role.RESULT,
    "training": LEARNED,
    "training.classes": Role.NONE,  # follows from the data set
    "trust": Role.ANNOUNCED,
    "workers": AROUND,
}


def role(key: str) -> Role:
    """What a dotted key is; one that is not known, as in another version's file, moves the result.

    Example:
        >>> role("trainer.devices") == AROUND, Role.RESULT in role("trainer.precision")
        (True, True)
    """
    while key:
        if key in KEYS:
            return KEYS[key]
        key = key.rpartition(".")[0]
    return Role.RESULT | Role.ANNOUNCED


def having(wanted: Role) -> list[str]:
    """The keys of a role; sections stand for what is below them."""
    keys = [key for key, roles in KEYS.items() if wanted in roles]
    return [key for key in keys if key.rpartition(".")[0] not in keys]


def flat(nested: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Values by dotted key.

    Example:
        >>> flat({"outer": {"steps": 5, "clip": None}, "tags": []})
        {'outer.steps': 5, 'outer.clip': None, 'tags': []}
    """
    values: dict[str, Any] = {}
    for key, value in nested.items():
        inner = isinstance(value, dict) and value
        values |= flat(value, f"{prefix}{key}.") if inner else {f"{prefix}{key}": value}
    return values
