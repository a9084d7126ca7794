"""The closing table and the table of kept results, on results that the test makes up."""

import copy
from pathlib import Path
from typing import Any

from rich.console import Console

from innerloop.reporting.summary import summary
from innerloop.reporting.table import closing_table


def result(seed: int, mse: float, diverged: int = 0, seconds: float = 60.0) -> dict[str, Any]:
    entry = {"mean": mse, "ci95": 0.1, "tasks": 50, "median": mse, "diverged": diverged}
    steps = {f"mse/step_{k}": entry | {"mean": mse / (k + 1)} for k in (0, 1, 5, 10)}
    return {
        "command": f"python src/train.py experiment=waves logger=none seed={seed}",
        "algorithm": "maml", "dataset": "sinusoid", "norm": None, "seed": seed,
        "episode": {"test": {"ways": 1, "shots": 5, "queries": 100}},
        "protocol": {"tasks": 50, "hash": "abc", "scored_step": 10},
        "test": {"mse": steps["mse/step_10"], **steps},
        "seconds": seconds, "threads": 2, "device": "cpu",
    }  # fmt: skip


def accurate() -> dict[str, Any]:
    made = copy.deepcopy(result(3, 1.0))
    entry = {"mean": 0.98765, "ci95": 0.00123, "tasks": 600}
    made |= {"command": "python src/train.py a=b", "algorithm": "protonet", "dataset": "omniglot"}
    made |= {"norm": "running", "test": {"accuracy": entry}}
    made["episode"]["test"] = {"ways": 5, "shots": 1, "queries": 5}
    made["protocol"] |= {"scored_step": None}
    return made


def lines(tmp_path: Path, *results: dict[str, Any]) -> list[list[str]]:
    table = summary(results, tmp_path).splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def test_seeds_are_one_row_with_their_median(tmp_path: Path) -> None:
    (tmp_path / "sinusoid_maml_5shot.yaml").write_text("published: A paper, 0.5")
    rows = [result(0, 1.1, 1, 60), result(1, 2.2, 0, 120), result(2, 99.0, 2, 600)]
    (row,) = lines(tmp_path, *rows)
    assert "mse 1.100 / 0.367 / 0.200 after 1 / 5 / 10 steps" in row[1]
    assert "3 of 150 tasks diverged" in row[1]
    assert row[2:4] == ["A paper, 0.5", "0, 1, 2"]
    assert row[4].startswith("2.0 ")
    assert row[5] == "`python src/train.py experiment=waves --multirun seed=0,1,2`"


def test_an_accuracy_has_its_interval(tmp_path: Path) -> None:
    (row,) = lines(tmp_path, accurate())
    assert row[0] == "protonet, omniglot, 5-way 1-shot, running batch norm"
    assert row[1] == "98.77 ± 0.12 % over 600 tasks"
    assert row[2] == "-"
    assert row[5] == "`python src/train.py a=b seed=3`"


def shown(results: dict[str, Any]) -> str:
    console = Console(width=120, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(closing_table(results))
    return console.export_text()


def test_closing_table_has_the_steps_in_order() -> None:
    text = shown(result(0, 2.2))
    places = [text.index(w) for w in ("before", "after 1 step ", "after 5 steps", "(scored)")]
    assert places == sorted(places)
    assert "2.2" in text and "0.2" in text and "batch norm" not in text
    text = shown(accurate())
    assert "98.77 %" in text and "± 0.12 %" in text and "running batch norm" in text
