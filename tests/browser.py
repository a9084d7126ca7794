"""Opens a page in a real browser and reports its content, console messages and network requests."""

import base64
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--enable-logging=stderr",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip


class Opened(NamedTuple):
    """The loaded document, console errors, and the URLs that the page requested."""

    document: str
    complaints: list[str]
    requests: list[str]


def open_page(page: Path, folder: Path) -> Opened:
    """Opens a file. The browser's own requests are recognised by their initiator and left out."""
    log = folder / "net.json"
    assert CHROMIUM is not None
    command = [
        CHROMIUM, *QUIET, f"--log-net-log={log}", f"--user-data-dir={folder / 'profile'}",
        "--dump-dom", page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    content = json.loads(log.read_text())
    begun = content["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    requests = [e["params"] for e in content["events"] if e["type"] == begun and "params" in e]
    return Opened(
        done.stdout,
        [line for line in done.stderr.splitlines() if "CONSOLE" in line],
        [p["url"] for p in requests if p.get("initiator", "not an origin") != "not an origin"],
    )


class Browser:
    """A real browser that is driven over its debugging pipe; close it with `close`.

    Arguments:
        folder: for its profile.
        size: of the window, in pixels.
        dark: whether pages see a dark colour scheme.
    """

    def __init__(
        self, folder: Path, size: tuple[int, int] = (1400, 1000), dark: bool = False
    ) -> None:
        self._read, theirs_out = os.pipe()
        theirs_in, self._write = os.pipe()
        assert CHROMIUM is not None
        words = [*QUIET, f"--user-data-dir={folder / 'driven'}", "--remote-debugging-pipe"]
        pipes = f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}'  # the browser uses these two numbers
        command = ["bash", "-c", pipes, "bash", CHROMIUM, *words]
        self._process = subprocess.Popen(
            command, pass_fds=(theirs_in, theirs_out), stderr=subprocess.DEVNULL
        )
        for handle in (theirs_in, theirs_out):
            os.close(handle)
        self._waiting, self._number, self._session = b"", 0, ""
        self.complaints: list[str] = []
        page = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        self.call("Page.enable")
        self.call("Log.enable")
        self.call("Runtime.enable")
        self.look(size, dark)

    def look(self, size: tuple[int, int], dark: bool = False) -> None:
        """Changes the size of the window and the colour scheme."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        width, height = size
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip

    def open(self, address: str) -> None:
        """Loads a page; `until` waits for its content."""
        self.call("Page.navigate", url=address)

    def ask(self, script: str) -> Any:
        """The value of an expression in the page."""
        answer = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, script: str, seconds: float = 20.0) -> Any:
        """Waits for an expression to be true, and returns it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if value := self.ask(script):
                return value
            time.sleep(0.02)
        raise AssertionError(f"never true: {script}")

    def picture(self, file: Path, whole: bool = False) -> None:
        """Writes a PNG picture of the window, or of the whole page."""
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        file.write_bytes(base64.b64decode(shot["data"]))

    def call(self, method: str, **given: object) -> dict[str, Any]:
        """Calls a method of the debugging protocol."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": given}
        own = {"sessionId": self._session} if self._session else {}
        os.write(self._write, json.dumps(message | own).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            self._note(answer)
        assert "error" not in answer, answer["error"]
        result: dict[str, Any] = answer["result"]
        return result

    def close(self) -> None:
        """Ends the browser."""
        self._process.terminate()
        self._process.wait()
        os.close(self._read)
        os.close(self._write)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._waiting:
            part = os.read(self._read, 65536)
            assert part, "the browser has ended"
            self._waiting += part
        message, self._waiting = self._waiting.split(b"\0", 1)
        return cast(dict[str, Any], json.loads(message))

    def _note(self, event: dict[str, Any]) -> None:
        """Keeps errors that the page logs."""
        given = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(str(given["exceptionDetails"]))
        if event.get("method") == "Log.entryAdded" and given["entry"]["level"] == "error":
            self.complaints.append(given["entry"]["text"])
