"""Meta-trains, chooses on validation, tests once: `python src/train.py algorithm=maml`."""

from innerloop.commands.train import main
from innerloop.startup import command

if __name__ == "__main__":
    command.run(main)
