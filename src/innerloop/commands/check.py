"""Says what is in a data set, or checks a package: `python src/check.py dataset=omniglot`."""

import argparse

from innerloop.startup import command, resolvers


def _words() -> list[str]:
    parser = argparse.ArgumentParser(
        description="Says what is in a data set: classes and images of each split, what is odd "
        "about them, and how many classes have enough images for tasks of several sizes. With the "
        "name or the folder of a package: checks its algorithms, models and data sets.",
    )
    parser.add_argument(
        "words", nargs="+", metavar="PACKAGE|KEY=VALUE",
        help="as for train.py, such as dataset=folder dataset.path=FOLDER episode.shots=5; or a "
        "package, by its name or folder, with further settings after it",
    )  # fmt: skip
    words: list[str] = parser.parse_args().words
    return words


def main() -> None:
    words = _words()
    resolvers.register()
    if "=" not in words[0]:
        from innerloop.programs.check_package import check_package  # heavy: --help does without it

        check_package(words[0], words[1:])
        return

    from innerloop.programs.check import check  # heavy: --help does without it

    check(words)


if __name__ == "__main__":
    command.run(main)
