"""Says what is in a data set and what tasks it serves: `python src/check.py dataset=omniglot`."""

import argparse

from innerloop.startup import command, resolvers


def _overrides() -> list[str]:
    parser = argparse.ArgumentParser(
        description="Says what is in a data set: classes and images of each split, what is odd "
        "about them, and how many classes have enough images for tasks of several sizes.",
    )
    parser.add_argument(
        "overrides", nargs="+", metavar="KEY=VALUE",
        help="as for train.py, such as dataset=folder dataset.path=FOLDER episode.shots=5",
    )  # fmt: skip
    overrides: list[str] = parser.parse_args().overrides
    return overrides


def main() -> None:
    overrides = _overrides()
    resolvers.register()

    from innerloop.programs.check import check  # heavy: --help does without it

    check(overrides)


if __name__ == "__main__":
    command.run(main)
