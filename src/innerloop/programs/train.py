"""What train.py does: one experiment from its configuration to its results."""

from pathlib import Path

from omegaconf import DictConfig

from innerloop.programs import estimate
from innerloop.run import notices, whole
from innerloop.run.check import check
from innerloop.run.ending import ending
from innerloop.run.resumed import resumed
from innerloop.sweeping import member


def train(config: DictConfig) -> float | None:
    """Meta-trains, tests the checkpoint that validation chose, and returns its validation score.

    A sweep is optimised for what is returned, which must not be what the test found.
    """
    if config.estimate:
        estimate.show(config)
        return None
    folder = Path(config.paths.run)
    with ending(folder, f"python src/train.py resume={folder} resumes it"), member.noted(folder):
        begun = bool(config.resume)
        if begun:
            config = resumed(config)
        else:
            before = member.earlier(check(config))
            if before.score is not None:
                return before.score
            begun = before.begun
            config.names.command = notices.command()
            notices.say(*notices.announce(config))
        return whole.run(config, begun)
