"""Creates a dashboard at W&B, or writes its specification: `python src/dashboard.py`."""

import argparse

from innerloop.startup import command


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Creates a workspace and a report of a W&B project: learning and adaptation "
        "curves, algorithms by data sets, sweeps. Without a key or an answer from the server, "
        "or with dry=true, it writes the specification to a file.",
        epilog="project=NAME (default: innerloop), entity=TEAM (default: your account), "
        "spec=FILE (default: outputs/dashboard.json), dry=true.",
    )
    parser.add_argument("words", nargs="*", metavar="KEY=VALUE")
    words = parser.parse_args().words
    from innerloop.programs.dashboard import dashboard  # heavy: --help does without it

    dashboard(words)


if __name__ == "__main__":
    command.run(main)
