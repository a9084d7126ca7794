"""Every difference between a run and a paper's setting."""

from typing import NamedTuple

from omegaconf import DictConfig

from innerloop.experiment.inner_steps import has_inner_steps
from innerloop.experiment.opening import CHOSEN, changes
from innerloop.experiment.papers import Paper
from innerloop.startup.keys import Role

ASPECTS = {  #: what a difference is about, by the first section of its key that is listed
    "evaluation": "test protocol", "episode.test": "test protocol", "episode": "training episode",
    "dataset": "data", "augment": "augmentation", "encoder": "data", "model": "model",
    "algorithm": "algorithm", "norm": "batch norm", "inner": "inner loop",
    "outer.optimizer": "optimizer", "outer.scheduler": "optimizer", "outer.clip": "optimizer",
    "outer": "outer loop", "training": "training", "init_from": "training",
    "distil_from": "training", "objective": "objective", "trainer": "precision",
}  # fmt: skip


class Difference(NamedTuple):
    """A key of the configuration with the run's value and the other's."""

    key: str
    ours: object
    theirs: object

    @property
    def aspect(self) -> str:
        """What it is about, such as `test protocol` or `optimizer`."""
        return next((ASPECTS[part] for part in _sections(self.key) if part in ASPECTS), self.key)


def differences(config: DictConfig, paper: Paper) -> list[Difference]:
    """What differs between a run and a paper's setting, and may change the result.

    Another choice of data set, model or algorithm is one difference, whose details are left out. A
    value that follows another one in both settings is left out as well, and so are inner steps
    where neither learner has any.

    Arguments:
        config: of the run, not yet resolved.
    """
    chosen = [
        Difference(group, config.names[group], paper.choices[group])
        for group in CHOSEN
        if config.names[group] != paper.choices[group]
    ]
    explained = {difference.key for difference in chosen}
    if not (has_inner_steps(config) or has_inner_steps(paper.config)):
        explained |= {"inner", "evaluation.scored_step"}
    details = [
        Difference(key, ours, theirs)
        for key, (ours, theirs) in changes(config, paper.config, Role.RESULT).items()
        if not explained & {key, key.split(".")[0]}
    ]
    return [*chosen, *details]


def _sections(key: str) -> list[str]:
    """The key and what it lies in, the longest first."""
    parts = key.split(".")
    return [".".join(parts[:n]) for n in range(len(parts), 0, -1)]
