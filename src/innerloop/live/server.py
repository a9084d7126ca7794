"""The server of the page: on this machine only, and only to read."""

import json
import re
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from innerloop.errors import UserError, visible
from innerloop.live.detail import detail, picture
from innerloop.live.watch import Watch
from innerloop.reporting.page.pictures import read_picture
from innerloop.reporting.page.write import PALETTE, render

HOST = "127.0.0.1"
OWN = ("127.0.0.1", "localhost", "[::1]")  #: names under which a browser on this machine asks
PAGE = Path(__file__).parent / "page"
HTML, CSS, SCRIPT = (f"text/{kind}; charset=utf-8" for kind in ("html", "css", "javascript"))
JSON = "application/json"
FILES = {
    "/": (PAGE / "index.html", HTML),
    "/palette.css": (PALETTE, CSS),
    "/live.css": (PAGE / "live.css", CSS),
    "/live.js": (PAGE / "live.js", SCRIPT),
    "/run.js": (PAGE / "run.js", SCRIPT),
    "/draw.js": (PAGE / "draw.js", SCRIPT),
}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
Answer = tuple[bytes, str]  #: content and its type


class Server(ThreadingHTTPServer):
    """Serves the page of a folder of runs.

    Arguments:
        watch: the runs.
        port: 0 for any that is free.
    """

    daemon_threads = True

    def __init__(self, watch: Watch, port: int) -> None:
        super().__init__((HOST, port), Handler)
        self.watch = watch
        self.drawing = threading.Lock()  #: matplotlib draws one page at a time

    def handle_error(self, request: object, client_address: object) -> None:
        """Prints an error; a browser that left before its answer came is none."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    @property
    def address(self) -> str:
        """The address to open in a browser."""
        return f"http://{HOST}:{self.server_address[1]}/"

    def answer(self, target: str) -> Answer:
        """The content of an address.

        Raises:
            UserError: if there is nothing.
        """
        if target in FILES:
            file, kind = FILES[target]
            return file.read_bytes(), kind
        for pattern, route in ROUTES.items():
            if match := re.fullmatch(pattern, target):
                return route(self, *match.groups(default=""))
        raise UserError(f"nothing has the address {visible(target, 80)}")


def _runs(server: Server) -> Answer:
    outputs = json.dumps(visible(server.watch.outputs))
    return f'{{"outputs": {outputs}, "runs": {server.watch.entries()}}}'.encode(), JSON


def _boards(server: Server) -> Answer:
    return _json(server.watch.boards())


def _run(server: Server, identifier: str) -> Answer:
    return _json(detail(server.watch.member(identifier)))


def _picture(server: Server, identifier: str, number: str) -> Answer:
    return read_picture(picture(server.watch.member(identifier), int(number))), "image/png"


def _report(server: Server, runs: str) -> Answer:
    """The report page of some finished runs, or of all."""
    chosen = [server.watch.member(name).finished for name in runs.split(",") if name]
    finished = [run for run in chosen if run is not None] or server.watch.finished()
    if not finished:
        raise UserError("no run has finished yet")
    with server.drawing:
        return render(finished, []).encode(errors="replace"), HTML


ID = "[0-9a-f]{12}"
ROUTES: dict[str, Callable[..., Answer]] = {  #: by the whole address, of which groups are passed on
    r"/runs": _runs,
    r"/boards": _boards,
    rf"/run/({ID})": _run,
    rf"/picture/({ID})/([0-9]{{1,4}})": _picture,
    rf"/report\.html(?:\?runs=((?:{ID},?)*))?": _report,
}


class Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD of pages that this machine opens."""

    server: Server
    server_version, sys_version = "innerloop", ""

    def do_GET(self) -> None:
        host = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
        if host not in OWN:  # a stranger's name that resolves to this machine
            return self._send(403, b"only this machine may read this page\n", "text/plain")
        try:
            content, kind = self.server.answer(self.path)
        except UserError as error:
            return self._send(404, f"{error}\n".encode(errors="replace"), "text/plain")
        self._send(200, content, kind)

    do_HEAD = do_GET

    def log_message(self, *args: object) -> None:
        """Logs nothing."""

    def _send(self, status: int, content: bytes, kind: str) -> None:
        self.send_response(status)
        for name, value in {**HEADERS, "Content-Type": kind}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)


def _json(content: object) -> Answer:
    return json.dumps(content, allow_nan=False).encode(), JSON
