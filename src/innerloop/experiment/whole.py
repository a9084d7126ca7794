"""A whole run: assembled, trained, tested."""

import math
from contextlib import nullcontext
from pathlib import Path

from omegaconf import DictConfig

from innerloop.experiment import notices, outcome, restored, stored, training
from innerloop.experiment.assemble import assemble
from innerloop.experiment.resumed import newest_checkpoint
from innerloop.reporting import closing


def run(config: DictConfig, begun: bool) -> float:
    """Trains, tests the checkpoint that validation chose, and returns its validation score.

    Arguments:
        begun: whether the run resumes from its newest checkpoint.
    """
    folder = Path(config.paths.run)
    checkpoint, content = newest_checkpoint(folder) if begun else (None, {})
    with restored.rebuilding(folder / stored.KEPT) if begun else nullcontext():
        experiment = assemble(config, content.get("innerloop", {}))
    chosen, content = training.train(experiment, checkpoint, content)
    seconds = experiment.learner.record()["seconds"]
    outcome.test(experiment, chosen, content, trained=seconds)
    if not notices.in_sweep():
        notices.say(*closing.next_commands(folder))
    metric = experiment.own.objective.metric.name
    return float(content["innerloop"]["validation"].get(metric, math.nan))
