"""A server of files on this machine, which can break off, change or answer with a web page."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote


class Server(http.server.ThreadingHTTPServer):
    """Serves the files of a folder, with ranges."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder = folder
        self.breaks: list[int] = []  #: bytes after which the next answers break off
        self.web_page = False  #: whether every answer is a web page
        self.ranges = True  #: whether parts of files can be asked for
        self.starts: list[int] = []  #: of the parts that were sent

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        file = self.server.folder / unquote(self.path).lstrip("/")
        if not file.is_file():
            return self.send_error(404)
        data = b"<html>please log in</html>" if self.server.web_page else file.read_bytes()
        start = self._start() if self.server.ranges else 0
        if start and start >= len(data):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(data) - start))
        self.send_header("Content-Type", "text/html" if self.server.web_page else "application/zip")
        self.end_headers()
        self.server.starts.append(start)
        self._send(data[start:])
        return None

    def _start(self) -> int:
        return int(self.headers.get("Range", "bytes=0-").split("=")[1].rstrip("-"))

    def _send(self, data: bytes) -> None:
        if self.server.breaks:
            data = data[: self.server.breaks.pop(0)]
            self.close_connection = True
        self.wfile.write(data)

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    server = Server(folder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
