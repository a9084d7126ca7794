"""Writes a page about finished runs: `python src/report.py outputs/DATE`."""

from innerloop.commands.report import main
from innerloop.startup import command

if __name__ == "__main__":
    command.run(main)
