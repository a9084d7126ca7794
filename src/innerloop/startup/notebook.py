"""`innerloop.run(...)`: an experiment from a notebook or another program.

Imports nothing heavy: `import innerloop` brings it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from innerloop.errors import UserError
from innerloop.startup import places


class Run(NamedTuple):
    """A finished run.

    Arguments:
        folder: of the run, with checkpoints, figures and scores.
        results: the contents of its `results.json`; empty for `estimate=true`.
    """

    folder: Path
    results: dict[str, Any]


def run(overrides: Sequence[str] = ()) -> Run:
    """Runs `innerloop train` with these overrides in a process of its own, and prints its output.

    Arguments:
        overrides: as on the command line, such as `["algorithm=maml", "dataset=glyphs"]`.

    Raises:
        UserError: if the run fails, with the last lines that it printed.

    Example:
        >>> import tempfile, innerloop
        >>> words = ["debug=fast", "outer.steps=1", f"paths.outputs={tempfile.mkdtemp()}"]
        >>> finished = innerloop.run(words)  # doctest: +ELLIPSIS
        maml on sinusoid...
        >>> finished.results["metric"]["name"]
        'mse'
    """
    options = [word for word in overrides if word.startswith("-")]
    if options:
        raise UserError(
            f"innerloop.run takes overrides such as algorithm=maml, not {options[0]}: "
            "start a sweep with `innerloop train --multirun ...`."
        )
    folder = _folder(overrides)
    command = [sys.executable, "-m", "innerloop", "train", *overrides]
    if not any(word.startswith("resume=") for word in overrides):
        quoted = str(folder).replace("\\", "\\\\").replace("'", "\\'")
        command.append(f"hydra.run.dir='{quoted}'")
    _show(command)
    file = folder / "results.json"
    return Run(folder, json.loads(file.read_text()) if file.exists() else {})


def _folder(overrides: Sequence[str]) -> Path:
    """The folder that the run will have."""
    from hydra import compose, initialize_config_dir  # `import innerloop` does without them

    from innerloop.startup import command, resolvers

    resolvers.register()
    try:
        with initialize_config_dir(str(places.conf()), version_base="1.3"):
            config = compose("train", list(overrides), return_hydra_config=True)
            return Path(config.hydra.run.dir).absolute()
    except Exception as error:
        message = command.explain(error)
        if message is None:
            raise
        raise UserError(message) from error


def _show(command: list[str]) -> None:
    """Runs a command and prints its lines as they come."""
    paths = [str(places.PACKAGE.parent), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    process = subprocess.Popen(
        command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    lines: list[str] = []
    with process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                lines = [*lines[-9:], line.rstrip("\n")]
                print(line, end="")
        except KeyboardInterrupt:  # the cell was stopped: the run stops, and keeps its checkpoint
            process.terminate()
            raise
    if process.returncode != 0:
        raise UserError(_reason(lines))


def _reason(lines: list[str]) -> str:
    """What a failed run said last: its error, or all of its last lines."""
    errors = [i for i, line in enumerate(lines) if line.startswith("Error: ")]
    said = [lines[errors[-1]].removeprefix("Error: ")] if errors else lines
    return "\n".join(said)
