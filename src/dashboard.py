"""Creates a dashboard at W&B, or writes its specification: `python src/dashboard.py`."""

from innerloop.commands.dashboard import main
from innerloop.startup import command

if __name__ == "__main__":
    command.run(main)
