"""Shows one task of a run from inside: `python src/replay.py RUN task=test/417`."""

import argparse

from innerloop.startup import command, resolvers

resolvers.register()


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Rebuilds one task of a finished run and shows what the inner loop did to it, "
        "or lists the test tasks on which run A beats run B most.",
        epilog="task=test/N, val/N, train/STEP or train/STEP/INDEX; checkpoint=last or FILE.ckpt "
        "(best); top=N tasks of the list (10); paths.data, dataset.path where data lie elsewhere; "
        "trust=true lets a run of somebody else use code that innerloop does not know.",
    )
    parser.add_argument("words", nargs="+", metavar="RUN|KEY=VALUE")
    words = parser.parse_args().words
    from innerloop.programs.replay import replay  # heavy: --help does without it

    replay(words)


if __name__ == "__main__":
    command.run(main)
