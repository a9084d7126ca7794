"""Opens a page in a real browser and reports its content, console messages and network requests."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--enable-logging=stderr",
    "--host-resolver-rules=MAP * ~NOTFOUND",
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
