"""Adapts a trained learner to your labelled images: `python src/adapt.py ckpt_path=RUN ...`."""

from innerloop.commands.adapt import main
from innerloop.startup import command

if __name__ == "__main__":
    command.run(main)
