"""The role of every key of the configuration, in one table.

A new key of `conf/` has the role of its section, unless it has a line of its own here. Imports
nothing heavy.
"""

from collections.abc import Mapping
from enum import Flag, auto


class Role(Flag):
    """What a key, and every key below it, means for a run."""

    NONE = 0
    RESULT = auto()  #: changes the result: part of a setting, and of the hash that names it
    RESUME = auto()  #: `train.py resume=RUN` may change it
    EVALUATE = auto()  #: `evaluate.py ckpt_path=RUN` may change it
    PUBLISHED = auto()  #: compared with the setting that a paper published
    ANNOUNCED = auto()  #: printed at the start where it is not the default


# LEARNED: the learner and its training data. AROUND: the machine, logs and diagnostics.
LEARNED = Role.RESULT | Role.PUBLISHED | Role.ANNOUNCED
AROUND = Role.RESUME | Role.EVALUATE | Role.ANNOUNCED

KEYS: dict[str, Role] = {  #: by dotted key; the entry of the longest prefix decides
    "algorithm": LEARNED,
    "augment": LEARNED,
    "callbacks": Role.RESUME,
    "ckpt_path": Role.NONE,
    "dataset": LEARNED,
    "dataset.data_dir": AROUND,  # where the data are stored
    "dataset.imagenet": AROUND,
    "dataset.on_device": AROUND,
    "dataset.path": AROUND,
    "deviates": Role.NONE,
    "distil_from": LEARNED,
    "diagnostics": AROUND,
    "encoder": LEARNED,
    "encoder.batch": AROUND,
    "encoder.weights": AROUND,  # the file: the features are stored by the hash of its content
    "engine": Role.EVALUATE | Role.ANNOUNCED,  # every engine computes the same, but for rounding
    "episode": LEARNED,
    "episode.test": LEARNED | Role.EVALUATE,
    "estimate": Role.ANNOUNCED,
    "evaluation": Role.RESULT | Role.EVALUATE | Role.ANNOUNCED,
    "evaluation.baselines": AROUND,  # a comparison, made after the test
    "evaluation.batch": Role.EVALUATE | Role.ANNOUNCED,
    "evaluation.on": AROUND,  # further tests of the same training
    "evaluation.resize": AROUND,
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
    "outer.nonfinite": Role.PUBLISHED | Role.ANNOUNCED,  # changes only runs that would have stopped
    "outer.optimizer.lr": LEARNED | Role.RESUME,
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
    "trainer.matmul": AROUND | Role.RESULT,
    "trainer.precision": AROUND | Role.RESULT,
    "training": LEARNED,
    "training.classes": Role.NONE,  # follows from the data set
    "trust": Role.ANNOUNCED,
    "workers": AROUND,
}


def role(key: str) -> Role:
    """The role of a dotted key.

    An unknown key, as in a file of another version, counts as one that changes the result.

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
    """The keys that have a role; a section stands for the keys below it."""
    keys = [key for key, roles in KEYS.items() if wanted in roles]
    return [key for key in keys if key.rpartition(".")[0] not in keys]


def flat(nested: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """The values of nested dictionaries by dotted key.

    Example:
        >>> flat({"outer": {"steps": 5, "clip": None}, "tags": []})
        {'outer.steps': 5, 'outer.clip': None, 'tags': []}
    """
    values: dict[str, object] = {}
    for key, value in nested.items():
        if isinstance(value, dict) and value:
            values |= flat(value, f"{prefix}{key}.")
        else:
            values[f"{prefix}{key}"] = value
    return values
