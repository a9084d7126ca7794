"""Shows runs while they train, in a browser: `python src/live.py outputs`."""

import argparse
from pathlib import Path

from innerloop.startup import command, resolvers

PORT = 8642


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Serves a page, to this machine only, of the runs below a folder: those under "
        "way, those that finished, a leaderboard, and each run from inside. It changes nothing. "
        "From another machine: ssh -L 8642:localhost:8642 MACHINE, then open the address there.",
    )
    parser.add_argument(
        "outputs", nargs="?", type=Path, metavar="FOLDER",
        default=Path(resolvers.repository()) / "outputs",
        help="a sweep or any folder that holds runs; default: %(default)s",
    )  # fmt: skip
    parser.add_argument("--port", type=int, default=PORT, help="default: %(default)s; 0 for any")
    return parser.parse_args()


def main() -> None:
    arguments = _arguments()

    from innerloop.live.start import serve  # heavy: --help does without it

    serve(arguments.outputs, arguments.port)


if __name__ == "__main__":
    command.run(main)
