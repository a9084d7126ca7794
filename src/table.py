"""Makes a table of methods, with the runs that it lacks: `make table TABLE=omniglot`."""

import argparse
from pathlib import Path

from innerloop.startup import command, resolvers


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Trains and tests what a table lacks, keeps the results below docs/tables/, "
        "and writes the table's page. A run that was stopped is resumed."
    )
    parser.add_argument("table", metavar="TABLE", help="a file docs/tables/TABLE.yaml")
    parser.add_argument("--jobs", type=int, default=1, help="runs at once; default: %(default)s")
    parser.add_argument("--threads", type=int, help="CPU threads of each run")
    parser.add_argument("--write", action="store_true", help="only write the page")
    return parser.parse_args()


def main() -> None:
    arguments = _arguments()

    from innerloop.errors import UserError
    from innerloop.programs import tables  # heavy: --help does without it

    table, failed = tables.Table(arguments.table, Path(resolvers.repository())), []
    table.members()  # a mistyped name is refused at once
    if not arguments.write:
        failed = tables.train_missing(table, arguments.jobs, arguments.threads)
        tables.keep(table)
    tables.write(table)
    if failed:
        raise UserError(f"Without results, because they failed: {', '.join(failed)}.")


if __name__ == "__main__":
    command.run(main)
