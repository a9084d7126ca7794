"""Says why a run differs from a paper, difference by difference: `python src/why.py RUN`."""

from innerloop.commands.why import main
from innerloop.startup import command

if __name__ == "__main__":
    command.run(main)
