"""Adapts a trained learner to your labelled images: `python src/adapt.py ckpt_path=RUN ...`."""

import argparse

from innerloop.startup import command, resolvers

resolvers.register()


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Adapts a trained learner to labelled images, labels others, and writes "
        "predictions.csv and adapted.safetensors.",
        usage="adapt.py ckpt_path=RUN support=FOLDER query=FOLDER [steps=K] [out=FOLDER] "
        "[trust=true]\n       adapt.py ckpt_path=RUN table=FILE.csv [steps=K] [out=FOLDER] "
        "[trust=true]",
        epilog="ckpt_path: a run's folder (its best checkpoint) or a .ckpt file. support: holds "
        "CLASS/*.png. query: images, or folders of images with the names of classes. table: rows "
        "of texts (columns text, label), ratings (item, stars) or measurements (inputs, target); "
        "those without an answer get one. steps: of the inner loop (default: as in its test). out: "
        "the folder of the results. trust=true: lets a run from another person use code that "
        "innerloop does not know.",
    )
    parser.add_argument("words", nargs="+", metavar="KEY=VALUE")
    words = parser.parse_args().words

    from innerloop.programs.adapt import run  # heavy: --help does without it

    run(words)


if __name__ == "__main__":
    command.run(main)
