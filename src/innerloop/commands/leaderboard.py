"""Compares methods that get the same minutes and trials: `python src/leaderboard.py ...`."""

import argparse

from innerloop.startup import command, resolvers

resolvers.register()


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Trains each method as often and as long as the others, tests the trial that "
        "validation chose, and writes a page with accuracy, cost of training and cost per new "
        "task. The same command resumes it, and may add methods and trials.",
        usage="leaderboard.py methods=maml,protonet minutes=10 dataset=omniglot [trials=4] "
        "[tasks=1000] [out=FOLDER] [KEY=VALUE ...]",
        epilog="methods: search spaces of conf/search. minutes: of each training. trials: "
        "trainings of each method, the first with its default settings. tasks: of the test. out: a "
        "folder. Any other KEY=VALUE is a setting of all trainings, as train.py takes it.",
    )
    parser.add_argument("words", nargs="+", metavar="KEY=VALUE")
    words = parser.parse_args().words
    from innerloop.programs.leaderboard import leaderboard  # heavy: --help does without it

    leaderboard(words)


if __name__ == "__main__":
    command.run(main)
