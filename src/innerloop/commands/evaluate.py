"""Tests a checkpoint on the frozen test tasks: `python src/evaluate.py ckpt_path=RUN_DIR`."""

import hydra
from omegaconf import DictConfig

from innerloop.startup import command, places, resolvers

resolvers.register()


@hydra.main(version_base="1.3", config_path=str(places.conf()), config_name="evaluate")
def main(config: DictConfig) -> float | None:
    from innerloop.programs.evaluate import evaluate  # heavy: --help and completion do without it

    return evaluate(config)


if __name__ == "__main__":
    command.run(main)
