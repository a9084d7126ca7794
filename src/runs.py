"""Lists finished runs: `python src/runs.py algorithm=maml,anil episode.shots=1`."""

from innerloop.commands.runs import main
from innerloop.startup import command

if __name__ == "__main__":
    command.run(main)
