"""The server of the live page: what it tells, and what it refuses."""

import http.client
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli import FAST, mistake, train
from live_outputs import at_work, begin, finish, row

from innerloop.live.server import HEADERS, Server
from innerloop.live.start import open_server
from innerloop.live.watch import started
from innerloop.sweeping import members

HOSTILE = '<img src=x onerror="document.title=1">'
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three finished runs, and one each that runs, failed, was killed and has a damaged result."""
    folder = tmp_path_factory.mktemp("live")
    for seed in range(3):
        finish(folder / "sweep" / f"{seed}_mine", "maml", seed, 0.1, 0.6)
    finish(folder / "sweep" / HOSTILE, "anil", 0, 0.4, 0.5)
    (folder / "sweep" / "0_mine" / "a.png").write_bytes(PNG)
    (folder / "sweep" / "0_mine" / "b.png").symlink_to("/etc/hostname")
    for name in ("running", "failed", "killed", "damaged"):
        begin(folder / "now" / name, "reptile", 0, 0.1, 400, 0.8)
    (folder / "now" / "damaged" / "results.json").write_text("{")
    members.write_reason(folder / "now" / "failed", "train", "the GPU fell off", "Traceback: x")
    with (folder / "now" / "killed" / "metrics.csv").open("a") as log:
        log.write(row(450, float("nan")) + "\n")
    (folder / "elsewhere").symlink_to(folder / "sweep")
    return folder


@pytest.fixture(scope="module")
def server(outputs: Path) -> Iterator[Server]:
    server = open_server(outputs, port=0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with at_work([outputs / "now" / "running"], every=60):
        yield server
    server.shutdown()
    server.server_close()


def ask(
    server: Server, address: str, method: str = "GET", host: str | None = None
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and content of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=30)
    connection.request(method, address, headers={} if host is None else {"Host": host})
    answer = connection.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read()


def told(server: Server, address: str) -> Any:
    status, _, content = ask(server, address)
    assert status == 200, content
    return json.loads(content)


def runs(server: Server) -> dict[str, dict[str, Any]]:
    return {run["name"]: run for run in told(server, "/runs")["runs"]}


def test_every_run_has_its_state(server: Server) -> None:
    states = {name: run["state"] for name, run in runs(server).items()}
    assert states == {
        "0_mine": "finished", "1_mine": "finished", "2_mine": "finished", HOSTILE: "finished",
        "running": "running", "failed": "failed", "killed": "stopped", "damaged": "stopped",
    }  # fmt: skip


def test_troubles_are_said(server: Server) -> None:
    known = runs(server)
    assert known["failed"]["troubles"] == ["the GPU fell off"]
    assert known["killed"]["troubles"] == ["NaN: train/accuracy is nan at step 450"]
    assert known["running"]["troubles"] == known["0_mine"]["troubles"] == []


@pytest.mark.parametrize(
    ("error", "printed"), [(BrokenPipeError, ""), (ConnectionResetError, ""), (ValueError, "Val")]
)
def test_a_browser_that_leaves_early_prints_nothing(
    server: Server, capsys: Any, error: type[Exception], printed: str
) -> None:
    try:
        raise error
    except error:
        server.handle_error(None, ("127.0.0.1", 1))
    shown = capsys.readouterr().err
    assert printed in shown and bool(shown) is bool(printed)


def test_progress_and_time_left(server: Server) -> None:
    run = runs(server)["running"]
    assert (run["step"], run["steps"], run["size"]) == (500, 1000, "5w1s")
    assert run["left"] == pytest.approx(500 * 4 / 80)


def test_only_choices_that_differ_are_told(server: Server) -> None:
    for run in runs(server).values():
        assert set(run["choices"]) == {"inner.rate", "algorithm.rate", "algorithm._target_"}


def test_the_numbers_are_those_of_the_results(server: Server, outputs: Path) -> None:
    results = json.loads((outputs / "sweep" / "1_mine" / "results.json").read_text())
    assert runs(server)["1_mine"]["mean"] == pytest.approx(
        100 * results["test"]["accuracy"]["mean"], rel=1e-5
    )
    (board,) = told(server, "/boards")
    assert [row["seeds"] for row in board["rows"]] == [[0, 1, 2], [0]]
    assert board["rows"][1]["about"] == "these checkpoints"


def test_a_run_shows_its_tasks_its_log_and_what_to_do_next(server: Server, outputs: Path) -> None:
    known = runs(server)
    run = told(server, f"/run/{known['0_mine']['id']}")
    assert len(run["adapting"]) == 4 and len(run["tasks"][0]) == 4
    assert "evaluate" in run["next"][1]
    failed = told(server, f"/run/{known['failed']['id']}")
    assert "Traceback: x" in failed["log"]
    assert failed["next"] == [f"python src/train.py resume={outputs / 'now' / 'failed'}"]
    hostile = told(server, f"/run/{known[HOSTILE]['id']}")
    assert f"'{outputs / 'sweep' / HOSTILE}'" in hostile["next"][0], "not quoted for the shell"


def test_pictures_are_only_pictures_of_the_run(server: Server) -> None:
    known = runs(server)["0_mine"]["id"]
    status, headers, content = ask(server, f"/picture/{known}/0")
    assert (status, headers["Content-Type"], content) == (200, "image/png", PNG)
    assert ask(server, f"/picture/{known}/1")[0] == 404  # a link that leads out of the folder
    assert ask(server, f"/picture/{known}/2")[0] == 404


def test_the_answers_of_a_run_are_those_that_its_test_scored(tmp_path: Path) -> None:
    """Their accuracy after every inner step is the curve of the first test tasks.

    Rounding may break a tie otherwise, in one of 25 queries, once the learner has adapted.
    """
    few = ("evaluation.scored_step=2", "evaluation.curve=2")
    train(tmp_path / "run", "dataset=glyphs", "norm=support", *few, *FAST)
    server = open_server(tmp_path, port=0)
    try:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        shown = told(server, f"/run/{runs(server)['run']['id']}")["answers"]
    finally:
        server.shutdown()
        server.server_close()
    with np.load(tmp_path / "run" / "scores.npz") as scores:
        curve = scores["curve/accuracy"]
    right = [np.array(task["predicted"]) == np.array(task["truth"]) for task in shown]
    accuracy = np.stack([steps.mean(1) for steps in right])
    assert accuracy[:, 0] == pytest.approx(curve[:, 0], abs=1e-6)
    assert accuracy == pytest.approx(curve, abs=1.1 / 25)


def test_a_run_without_stored_answers_shows_none(server: Server) -> None:
    assert told(server, f"/run/{runs(server)['0_mine']['id']}")["answers"] == []


@pytest.mark.parametrize(
    "address",
    ["/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/page/../server.py", "/run/../runs",
     "/run/", "/run/0123456789ab", "/run/0123456789AB", "/picture/0123456789ab/-1", "//etc/passwd",
     "/live.js/..", "/report.html?runs=..", "/runs?x=1", "/%00", "/favicon.ico"],
)  # fmt: skip
def test_addresses_of_nothing_are_refused(server: Server, address: str) -> None:
    status, headers, content = ask(server, address)
    assert status == 404
    assert headers["Content-Type"] == "text/plain"
    assert b"root:" not in content


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost:1", 200), ("127.0.0.1", 200), ("[::1]:8", 200), ("evil.example", 403),
     ("evil.example:8642", 403), ("localhost.evil.example:1", 403), ("", 403)],
)  # fmt: skip
def test_a_strangers_name_for_this_machine_is_refused(
    server: Server, host: str, status: int
) -> None:
    assert ask(server, "/runs", host=host)[0] == status


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_can_be_changed(server: Server, outputs: Path, method: str) -> None:
    before = sorted((p, p.lstat().st_mtime_ns) for p in outputs.rglob("*"))
    assert ask(server, "/runs", method)[0] == 501
    for address in ("/", "/runs", "/boards", "/report.html"):
        ask(server, address)
    assert sorted((p, p.lstat().st_mtime_ns) for p in outputs.rglob("*")) == before


def test_only_this_machine_is_served(server: Server) -> None:
    assert server.server_address[0] == "127.0.0.1"
    assert HEADERS.items() <= ask(server, "/")[1].items()
    policy = ask(server, "/")[1]["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy


def test_it_freezes_into_the_report(server: Server) -> None:
    chosen = [run["id"] for run in runs(server).values() if run["name"] in ("0_mine", HOSTILE)]
    status, headers, content = ask(server, f"/report.html?runs={','.join(chosen)}")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b"0_mine" in content and b"1_mine" not in content
    assert b"<script" not in content and HOSTILE.encode() not in content
    assert b"1_mine" in ask(server, "/report.html")[2]


def test_links_are_not_followed(outputs: Path) -> None:
    assert all("elsewhere" not in Path(folder).parts for folder in started(outputs))
    assert len(list(started(outputs))) == 8


def test_mistakes_are_answered(tmp_path: Path) -> None:
    assert "is not a folder" in mistake("live", str(tmp_path / "nowhere"))
    with Server(None, 0) as taken:  # type: ignore[arg-type]
        port = str(taken.server_address[1])
        assert "is taken" in mistake("live", str(tmp_path), "--port", port)
    assert "cannot be used" in mistake("live", str(tmp_path), "--port", "70000")
