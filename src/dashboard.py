"""Makes the project's dashboard at W&B, or writes its specification: `python src/dashboard.py`."""

import argparse

from innerloop.startup import command


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Builds a workspace and a report of a W&B project: learning and adaptation "
        "curves, algorithm against data set, sweeps. Without a key or an answer from the server, "
        "or with dry=true, writes what it would send.",
        epilog="project=NAME (innerloop), entity=TEAM (your own account), "
        "spec=FILE (outputs/dashboard.json), dry=true.",
    )
    parser.add_argument("words", nargs="*", metavar="KEY=VALUE")
    words = parser.parse_args().words
    from innerloop.programs.dashboard import dashboard  # heavy: --help does without it

    dashboard(words)


if __name__ == "__main__":
    command.run(main)
