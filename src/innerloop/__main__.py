"""The program `innerloop COMMAND ...`, also `python -m innerloop COMMAND ...`.

Imports nothing heavy: it runs before `--help` and shell completion answer.
"""

import sys
from importlib import import_module
from pathlib import Path

from innerloop.startup import command
from innerloop.startup.suggestions import similar

COMMANDS = Path(__file__).parent / "commands"


def commands() -> dict[str, str]:
    """The first line of each command's docstring, by its name."""
    files = sorted(COMMANDS.glob("[a-z]*.py"))
    return {file.stem: file.read_text().split('"""')[1].split(":")[0] for file in files}


def usage() -> str:
    """What `innerloop` prints without a command."""
    lines = [f"  {name:<11} {about}" for name, about in commands().items()]
    return "\n".join(["usage: innerloop COMMAND [KEY=VALUE ...]", "", *lines])


def main() -> None:
    """Runs the command that the first word names."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in ("-h", "--help"):
        print(usage())
        return
    if name not in commands():
        close = similar(name, list(commands()))
        hint = f" Did you mean {close}?" if close else ""
        sys.exit(f"Error: innerloop has no command {name!r}.{hint}\n{usage()}")
    module = import_module(f"innerloop.commands.{name}")
    # The command's own file: Lightning starts further processes by the name of the program.
    sys.argv = [str(module.__file__), *sys.argv[2:]]
    command.run(module.main)


if __name__ == "__main__":
    main()
