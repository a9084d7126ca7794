"""Shows how one task of a run was learned: `python src/replay.py RUN task=test/417`."""

import argparse

from innerloop.startup import command, resolvers

resolvers.register()


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Rebuilds one task of a finished run and shows each step of the inner loop, or "
        "lists the test tasks on which run A beats run B most.",
        epilog="task=test/N, val/N, train/STEP or train/STEP/INDEX; checkpoint=last or FILE.ckpt "
        "(default: best); top=N, the length of the list (default: 10); paths.data, dataset.path: "
        "where the data are now; trust=true lets a run from another person use code that "
        "innerloop does not know.",
    )
    parser.add_argument("words", nargs="+", metavar="RUN|KEY=VALUE")
    words = parser.parse_args().words
    from innerloop.programs.replay import replay  # heavy: --help does without it

    replay(words)


if __name__ == "__main__":
    command.run(main)
