"""Compares methods that get the same minutes and trials: `python src/leaderboard.py ...`."""

from innerloop.commands.leaderboard import main
from innerloop.startup import command

if __name__ == "__main__":
    command.run(main)
