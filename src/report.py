"""Writes finished runs into one page to look at: `python src/report.py outputs/DATE`."""

import argparse
from pathlib import Path

from innerloop.startup import command


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Writes one HTML page of finished runs: tables with intervals, curves, "
        "pictures, and in what the settings differ. The page stands alone, without a network.",
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
    given = parser.parse_args()

    from innerloop.errors import visible
    from innerloop.reporting.page.write import write  # heavy: --help does without it

    print(f"report {visible(write(given.folders, given.out or given.folders[0] / 'report.html'))}")


if __name__ == "__main__":
    command.run(main)
