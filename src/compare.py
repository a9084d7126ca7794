"""Compares finished runs on the same test tasks: `python src/compare.py RUN RUN ...`."""

import argparse
from pathlib import Path

from innerloop.startup import command, resolvers


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Means with their intervals, and paired differences with p-values, of finished "
        "runs that were tested on the same tasks, on each data set apart.",
        epilog="Three seeds of each setting, as in compare.py 'algorithm=maml episode.shots=1' "
        "'algorithm=anil episode.shots=1', make it a comparison of methods.",
    )
    parser.add_argument(
        "runs", nargs="+", metavar="RUN",
        help="a run's folder, or conditions in quotes on its results.json and config.yaml, such as "
        "'algorithm=maml episode.shots=1': then the newest run of each seed",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument(
        "--outputs", type=Path, metavar="FOLDER", default=Path(resolvers.repository()) / "outputs",
        help="where conditions look for runs; default: %(default)s",
    )  # fmt: skip
    given = parser.parse_args()

    from innerloop.evaluation.results import write_json  # heavy: --help does without it
    from innerloop.machine.writable import check_file_writable
    from innerloop.reporting.comparison import compare
    from innerloop.reporting.comparison_table import show_comparison
    from innerloop.reporting.contenders import contenders

    if given.json:
        check_file_writable(given.json)
    comparisons = [compare(sides) for sides in contenders(given.runs, given.outputs)]
    for comparison in comparisons:
        show_comparison(comparison)
    if given.json:
        first, *others = comparisons
        write_json(given.json, first | {"others": others})


if __name__ == "__main__":
    command.run(main)
