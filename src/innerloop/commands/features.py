"""Writes the features of a data set by a trained body: `python src/features.py RUN split=test`."""

import argparse

from innerloop.startup import command, resolvers

resolvers.register()


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Computes the features of all images of a split with the body of a trained "
        "learner, and writes them into an .npz file with labels, names of classes and the hash of "
        "the body's weights.",
        usage="features.py RUN [dataset=NAME] [dataset.KEY=VALUE ...] [split=test] [out=FILE.npz] "
        "[batch=500] [evaluation.resize=true] [trust=true]",
        epilog="RUN: a run's folder (its best checkpoint) or a .ckpt file. dataset: by default "
        "the run's own. The body is as it was meta-trained, not adapted to a task. Batch norm "
        "without running averages takes its statistics from batches of random images.",
    )
    parser.add_argument("words", nargs="+", metavar="RUN KEY=VALUE")
    words = parser.parse_args().words

    from innerloop.programs.features import export  # heavy: --help does without it

    export(words)


if __name__ == "__main__":
    command.run(main)
