"""Writes a page about finished runs: `python src/report.py outputs/DATE`."""

import argparse
from pathlib import Path

from innerloop.startup import command


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Writes one HTML page about finished runs: tables with intervals, curves, "
        "pictures, and the differences between settings. The page needs no network.",
    )
    parser.add_argument(
        "folders", nargs="+", type=Path, metavar="FOLDER",
        help="a run, a sweep, or any folder that holds runs",
    )  # fmt: skip
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="the page; default: report.html in the first FOLDER",
    )
    return parser.parse_args()


def main() -> None:
    arguments = _arguments()

    from innerloop.errors import visible
    from innerloop.reporting.page.write import write  # heavy: --help does without it

    page = arguments.out or arguments.folders[0] / "report.html"
    print(f"report {visible(write(arguments.folders, page))}")


if __name__ == "__main__":
    command.run(main)
