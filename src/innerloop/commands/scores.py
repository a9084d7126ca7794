"""Writes a run's score file, which others compare with: `python src/scores.py RUN FILE.npz`."""

import argparse
from pathlib import Path

from innerloop.startup import command, resolvers


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Writes the score of each test task of a finished run, with the classes of "
        "each task, to one small file. Others can compare their methods with it on the same tasks: "
        "compare.py RUN FILE.npz. docs/score_bank.md describes the file.",
    )
    parser.add_argument("run", metavar="RUN", help="a run's folder or short name")
    parser.add_argument("file", type=Path, metavar="FILE.npz", help="the file to write")
    parser.add_argument(
        "--outputs", type=Path, metavar="FOLDER", default=Path(resolvers.repository()) / "outputs",
        help="the folder in which short names look for runs; default: %(default)s",
    )  # fmt: skip
    return parser.parse_args()


def main() -> None:
    arguments = _arguments()

    from innerloop.programs.scores import export  # heavy: --help does without it

    export(arguments.run, arguments.file, arguments.outputs)


if __name__ == "__main__":
    command.run(main)
