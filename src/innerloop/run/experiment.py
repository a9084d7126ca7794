"""The objects of a run; what they were built from is read no more."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning

from innerloop.outer.meta_learner import MetaLearner
from innerloop.run.stored import Plain
from innerloop.run.tested import TestSet


@dataclass(frozen=True)
class Experiment:
    """The objects of a run, and what is said of it.

    Arguments:
        name: of its setting, as in `conf/experiment`.
        own: the data set that it is tested on.
        others: further data sets that the chosen checkpoint is tested on.
        plain: the configuration, to be kept and sent.
        facts: what `results.json` says of the training, whatever the test.
        init_from: another run whose body the training starts from; None for none.
    """

    name: str
    own: TestSet
    others: list[TestSet]
    learner: MetaLearner
    trainer: lightning.Trainer
    plain: Plain
    facts: dict[str, Any]
    init_from: str | None

    @property
    def folder(self) -> Path:
        """Of the run."""
        return self.own.folder
