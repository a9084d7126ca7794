"""The objects of a run: once they are built, the configuration is not read again."""

from dataclasses import dataclass
from pathlib import Path

import lightning

from innerloop.experiment.plain import PlainDict
from innerloop.experiment.stored import Plain
from innerloop.experiment.tested import TestSet
from innerloop.outer.meta_learner import MetaLearner


@dataclass(frozen=True)
class Experiment:
    """The objects of a run, and the facts that it records.

    Arguments:
        name: of its setting, as in `conf/experiment`.
        own: the data set that it is tested on.
        others: further data sets that the chosen checkpoint is tested on.
        plain: the configuration, as it is stored and sent to loggers.
        facts: what `results.json` says of the training.
        init_from: another run; the training starts from its body. None for a random start.
        distil_from: another run; the training learns from its answers as well. None for labels
            alone.
    """

    name: str
    own: TestSet
    others: list[TestSet]
    learner: MetaLearner
    trainer: lightning.Trainer
    plain: Plain
    facts: PlainDict
    init_from: str | None
    distil_from: str | None

    @property
    def folder(self) -> Path:
        """The folder of the run."""
        return self.own.folder
