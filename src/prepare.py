"""Downloads, checks and packs data sets: `python src/prepare.py dataset=cifarfs,cub`."""

from innerloop.commands.prepare import main
from innerloop.startup import command

if __name__ == "__main__":
    command.run(main)
