"""Whether W&B can be used is decided quickly, however its server responds."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from innerloop.callbacks.wandb_log import WandbLog
from innerloop.dashboards import access


class Unfriendly(http.server.BaseHTTPRequestHandler):
    """A server that answers every request with an error."""

    def do_HEAD(self) -> None:
        self.send_response(403)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Logs nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    server = http.server.HTTPServer(("127.0.0.1", 0), Unfriendly)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_IDENTITY_TOKEN_FILE", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("no_proxy", "*")


def test_a_key_comes_from_the_environment_or_from_netrc(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert access.obstacle() == "no key is set"
    (tmp_path / "netrc").write_text("machine elsewhere.org login user password 1\n")
    assert not access.has_key()
    (tmp_path / "netrc").write_text("machine api.wandb.ai login user password 1\n")
    assert access.has_key()
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example.org")
    assert not access.has_key()
    monkeypatch.setenv("WANDB_API_KEY", "1")
    assert access.has_key()


def test_a_server_that_does_not_answer_is_an_obstacle(
    monkeypatch: pytest.MonkeyPatch, server: str
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "1")
    monkeypatch.setenv("WANDB_BASE_URL", server)
    assert access.obstacle() is None
    for address in ("http://127.0.0.1:9", "http://no-such-host.invalid", "nonsense"):
        monkeypatch.setenv("WANDB_BASE_URL", address)
        assert access.obstacle() == f"{address} does not answer"


@pytest.mark.parametrize(
    ("offline", "mode", "why"),
    [
        (None, None, "no key is set"),
        (None, "offline", "WANDB_MODE=offline"),
        (None, "disabled", None),
        (None, "online", "no key is set"),
        (True, None, "offline=true"),
        (False, None, None),
    ],
)
def test_the_logger_gives_its_reason_for_being_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offline: bool | None, mode: str | None,
    why: str | None,
) -> None:  # fmt: skip
    if mode is not None:
        monkeypatch.setenv("WANDB_MODE", mode)
    assert WandbLog(str(tmp_path), "project", offline=offline)._why_offline() == why
