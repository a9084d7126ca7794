"""Says what is in a data set and what tasks it serves: `python src/check.py dataset=omniglot`."""

from innerloop.commands.check import main
from innerloop.startup import command

if __name__ == "__main__":
    command.run(main)
