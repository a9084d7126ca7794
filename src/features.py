"""Writes the features of a data set by a trained body: `python src/features.py RUN split=test`."""

from innerloop.commands.features import main
from innerloop.startup import command

if __name__ == "__main__":
    command.run(main)
