"""Tests a checkpoint on the frozen test tasks: `python src/evaluate.py ckpt_path=RUN_DIR`."""

from innerloop.commands.evaluate import main
from innerloop.startup import command

if __name__ == "__main__":
    command.run(main)
