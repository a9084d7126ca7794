"""Lists finished runs: `python src/runs.py algorithm=maml,anil episode.shots=1`."""

import argparse
from pathlib import Path

from innerloop.startup import command, resolvers


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Lists finished runs, oldest first.")
    parser.add_argument(
        "conditions", nargs="*", metavar="KEY=VALUE",
        help="dotted keys of results.json or config.yaml; all must hold; KEY=A,B takes either",
    )  # fmt: skip
    parser.add_argument(
        "--outputs", type=Path, metavar="FOLDER", default=Path(resolvers.repository()) / "outputs",
        help="where to look; default: %(default)s",
    )  # fmt: skip
    parser.add_argument("-v", "--verbose", action="store_true", help="also folder, command, ...")
    return parser.parse_args()


def main() -> None:
    arguments = _arguments()

    from innerloop.errors import visible
    from innerloop.reporting.finished import below  # heavy: --help does without it
    from innerloop.reporting.runs_table import show_runs
    from innerloop.reporting.selection import select

    words = [word for condition in arguments.conditions for word in condition.split()]
    known = below(arguments.outputs)
    runs = select(known, words)
    if runs:
        show_runs(runs, known, arguments.verbose)
    else:
        selection = " ".join(words) or "this"
        print(visible(f"No finished run under {arguments.outputs} meets {selection}."))


if __name__ == "__main__":
    command.run(main)
