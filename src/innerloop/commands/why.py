"""Says why a run differs from a paper, difference by difference: `python src/why.py RUN`."""

import argparse

from innerloop.startup import command, resolvers

resolvers.register()


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Lists every difference between a run and a paper's setting: test protocol, "
        "episode, data, augmentation, model, batch norm, optimizer and steps. Those whose effect "
        "was measured come first, with the source.",
        usage="why.py RUN [paper=NAME] [json=FILE] [trust=true]",
        epilog="paper: such as maml2017 or protonet2017, or the name of a paper's experiment in "
        "conf/experiment; by default the paper of the run's own setting. json: also write the "
        "differences to this file. trust=true lets a run from another person name code that "
        "innerloop does not know.",
    )
    parser.add_argument("words", nargs="+", metavar="RUN|KEY=VALUE")
    words = parser.parse_args().words
    from innerloop.programs.why import why  # heavy: --help does without it

    why(words)


if __name__ == "__main__":
    command.run(main)
