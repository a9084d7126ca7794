"""Compares finished runs on the same test tasks: `python src/compare.py RUN RUN ...`."""

from innerloop.commands.compare import main
from innerloop.startup import command

if __name__ == "__main__":
    command.run(main)
