"""Writes a run's score file, which others compare with: `python src/scores.py RUN FILE.npz`."""

from innerloop.commands.scores import main
from innerloop.startup import command

if __name__ == "__main__":
    command.run(main)
