"""Starts the server, after reading the runs once, so that the first page is complete."""

import errno
import os
import threading
from pathlib import Path

from innerloop.errors import UserError, visible
from innerloop.live.server import Server
from innerloop.live.watch import Watch


def serve(outputs: Path, port: int) -> None:
    """Serves the page until Ctrl-C.

    Raises:
        UserError: if there is no such folder, or if the port is taken.
    """
    if not outputs.is_dir():
        raise UserError(f"{visible(outputs)} is not a folder: give one that holds runs.")
    server = open_server(outputs.resolve(), port)
    os.nice(10)  # trainings come first
    print(f"{len(server.watch.refresh())} runs at {server.address} (Ctrl-C ends it)", flush=True)
    threading.Thread(target=server.watch.boards, daemon=True).start()
    with server:
        server.serve_forever()


def open_server(outputs: Path, port: int) -> Server:
    """A server that knows the runs of a folder.

    Raises:
        UserError: if the port is taken.
    """
    try:
        return Server(Watch(outputs), port)
    except (OSError, OverflowError) as error:
        taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        why = "is taken" if taken else f"cannot be used ({error})"
        raise UserError(f"--port {port} {why}: --port 0 finds a free one.") from None
