"""The program train.py: one experiment, from its configuration to its results."""

from pathlib import Path

from omegaconf import DictConfig

from innerloop.experiment import notices, opening, whole
from innerloop.experiment.check import check
from innerloop.experiment.ending import ending
from innerloop.experiment.resumed import resumed
from innerloop.programs import estimate
from innerloop.sweeping import member


def train(config: DictConfig) -> float | None:
    """Meta-trains, tests the checkpoint that validation chose, and returns its validation score.

    A sweep optimises the returned value, so it must not be a test score. It is None if the run only
    estimates its costs.

    Raises:
        UserError: for a configuration or a folder that cannot be used.
    """
    if config.estimate:
        estimate.show(config)
        return None
    folder = Path(config.paths.run)
    with ending(folder, f"python src/train.py resume={folder} resumes it"), member.guarded(folder):
        begun = bool(config.resume)
        if begun:
            config = resumed(config)
        else:
            earlier = member.earlier_attempt(check(config))
            if earlier.score is not None:
                return earlier.score
            begun = earlier.begun
            config.names.command = notices.command()
            opening.open_run(config)
        return whole.run(config, begun)
