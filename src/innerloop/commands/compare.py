"""Compares finished runs on the same test tasks: `python src/compare.py RUN RUN ...`."""

import argparse
from pathlib import Path

from innerloop.startup import command, resolvers


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Compares runs that were tested on the same tasks: means with intervals, "
        "and paired differences with p-values, for each data set.",
        epilog="To compare methods, give three seeds of each setting: compare.py SWEEP, or "
        "compare.py 'algorithm=maml episode.shots=1' 'algorithm=anil episode.shots=1'.",
    )
    parser.add_argument(
        "runs", nargs="+", metavar="RUN",
        help="a run's folder or short name, a sweep's folder, a score file FILE.npz or "
        "NAME=FILE.npz, or conditions in quotes on its results.json and config.yaml, such as "
        "'algorithm=maml episode.shots=1', which choose the newest run of each seed",
    )  # fmt: skip
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="also write the numbers to this file"
    )
    parser.add_argument(
        "--picture", type=Path, metavar="FILE",
        help="also draw differences and scores by minutes, as FILE.png, .pdf and .svg",
    )  # fmt: skip
    parser.add_argument(
        "--outputs", type=Path, metavar="FOLDER", default=Path(resolvers.repository()) / "outputs",
        help="the folder in which conditions look for runs; default: %(default)s",
    )  # fmt: skip
    return parser.parse_args()


def main() -> None:
    arguments = _arguments()

    from innerloop.evaluation.results import write_json  # heavy: --help does without it
    from innerloop.machine.writable import check_file_writable
    from innerloop.reporting.comparison import compare
    from innerloop.reporting.comparison_table import show_comparison
    from innerloop.reporting.contenders import contenders
    from innerloop.reporting.drawing.compared import draw

    if arguments.json:
        check_file_writable(arguments.json)
    comparisons = [compare(sides) for sides in contenders(arguments.runs, arguments.outputs)]
    for comparison in comparisons:
        show_comparison(comparison)
    if arguments.picture:
        for place in draw(comparisons, arguments.picture):
            print(f"picture {place}")
    if arguments.json:
        first, *others = comparisons
        write_json(arguments.json, first | {"others": others})


if __name__ == "__main__":
    command.run(main)
