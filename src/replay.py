"""Shows how one task of a run was learned: `python src/replay.py RUN task=test/417`."""

from innerloop.commands.replay import main
from innerloop.startup import command

if __name__ == "__main__":
    command.run(main)
