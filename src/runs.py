"""Lists finished runs: `python src/runs.py algorithm=maml,anil episode.shots=1`."""

import argparse
from pathlib import Path

from innerloop.startup import command, resolvers


def main() -> None:
    parser = argparse.ArgumentParser(description="Finished runs, oldest first.")
    parser.add_argument(
        "conditions", nargs="*", metavar="KEY=VALUE",
        help="dotted keys of results.json or config.yaml; all must be met; KEY=A,B takes either",
    )  # fmt: skip
    parser.add_argument(
        "--outputs", type=Path, metavar="FOLDER", default=Path(resolvers.repository()) / "outputs",
        help="where to look; default: %(default)s",
    )  # fmt: skip
    given = parser.parse_args()

    from innerloop.errors import visible
    from innerloop.reporting.finished import below  # heavy: --help does without it
    from innerloop.reporting.runs_table import show_runs
    from innerloop.reporting.selection import select

    words = [word for condition in given.conditions for word in condition.split()]
    found = select(below(given.outputs), words)
    if found:
        show_runs(found)
    else:
        print(visible(f"No finished run under {given.outputs} meets {' '.join(words) or 'this'}."))


if __name__ == "__main__":
    command.run(main)
