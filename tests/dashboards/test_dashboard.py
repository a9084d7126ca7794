"""The dashboard is complete without an account, and the program ends if W&B does not answer."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from cli import call, mistake
from dashboards.specification import panels
from helpers import choices

from innerloop.errors import UserError
from innerloop.programs import dashboard


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


@pytest.fixture
def spec(tmp_path: Path) -> dict[str, Any]:
    call("dashboard", f"spec={tmp_path / 'd.json'}", "project=mine", "entity=us")
    return json.loads((tmp_path / "d.json").read_text())  # type: ignore[no-any-return]


def test_the_specification_file_holds_what_would_be_sent(spec: dict[str, Any]) -> None:
    assert (spec["workspace"]["entity"], spec["workspace"]["project"]) == ("us", "mine")
    assert spec["report"]["project"] == {"name": "mine", "entityName": "us"}
    kinds = {"Run History Line Plot", "Bar Chart", "Parallel Coordinates Plot"}
    for page in ("workspace", "report"):
        assert kinds <= {panel["viewType"] for panel in panels(spec[page])}
    grids = [b for b in spec["report"]["spec"]["blocks"] if b["type"] == "panel-grid"]
    names = [runs["name"] for grid in grids for runs in grid["metadata"]["runSets"]]
    assert names == [*choices("dataset"), "all runs"]


def test_the_program_prints_where_it_wrote_and_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    call("dashboard", f"spec={tmp_path / 'd.json'}")
    assert f"{tmp_path / 'd.json'} and sent nothing (no key is set)" in capsys.readouterr().out
    monkeypatch.setenv("WANDB_API_KEY", "1")
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    call("dashboard", f"spec={tmp_path / 'd.json'}")
    assert "does not answer" in capsys.readouterr().out


def test_wrong_arguments_are_named() -> None:
    assert "sepc" in mistake("dashboard", "sepc=x")
    assert "dry=perhaps" in mistake("dashboard", "dry=perhaps")


def test_a_refusing_or_silent_server_ends_the_program() -> None:
    def refuses() -> list[str]:
        raise ValueError("permission\ndenied")

    def is_silent() -> list[str]:
        time.sleep(60)
        return []

    with pytest.raises(UserError, match=r"permission denied\. Check the key"):
        dashboard._within(5.0, refuses)
    began = time.perf_counter()
    with pytest.raises(UserError, match="no answer in 0 s"):
        dashboard._within(0.1, is_silent)
    assert time.perf_counter() - began < 10
    assert dashboard._within(5.0, lambda: ["url"]) == ["url"]
