"""Downloads, checks and packs data sets: `python src/prepare.py dataset=cifarfs,cub`."""

import argparse

from innerloop.startup import command, resolvers

resolvers.register()


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Downloads, checks and packs data sets, and prints what they are. Without "
        "arguments it lists them all.",
        usage="prepare.py [dataset=NAME[,NAME...]] [dataset.KEY=VALUE ...] [paths.data=FOLDER]",
        epilog="A run does the same when it needs a data set; this does it before.",
    )
    parser.add_argument("words", nargs="*", metavar="KEY=VALUE")
    words = parser.parse_args().words

    from innerloop.programs.prepare import prepare  # heavy: --help does without it

    prepare(words)


if __name__ == "__main__":
    command.run(main)
