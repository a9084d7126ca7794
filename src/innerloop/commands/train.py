"""Meta-trains, chooses on validation, tests once: `python src/train.py algorithm=maml`."""

import hydra
from omegaconf import DictConfig

from innerloop.startup import command, places, resolvers

resolvers.register()


@hydra.main(version_base="1.3", config_path=str(places.conf()), config_name="train")
def main(config: DictConfig) -> float | None:
    from innerloop.programs.train import train  # heavy: --help and completion do without it

    return train(config)


if __name__ == "__main__":
    command.run(main)
