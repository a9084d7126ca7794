"""Shows runs while they train, in a browser: `python src/live.py outputs`."""

from innerloop.commands.live import main
from innerloop.startup import command

if __name__ == "__main__":
    command.run(main)
