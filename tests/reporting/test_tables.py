"""The closing table and the table of kept results, tested with generated results."""

import copy
from typing import Any

from rich.console import Console

from innerloop.reporting.summary import FULL, by_data_set, summary
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
        "seconds": seconds, "threads": 2, "device": "cpu", "configuration": "0a1b",
    }  # fmt: skip


def accurate() -> dict[str, Any]:
    content = copy.deepcopy(result(3, 1.0))
    entry = {"mean": 0.98765, "ci95": 0.00123, "tasks": 600}
    content |= {
        "command": "python src/train.py a=b",
        "algorithm": "protonet",
        "dataset": "omniglot",
    }
    content |= {"norm": "running", "test": {"accuracy": entry}}
    content["episode"]["test"] = {"ways": 5, "shots": 1, "queries": 5}
    content["protocol"] |= {"scored_step": None}
    return content


def rows(*results: dict[str, Any]) -> list[dict[str, str]]:
    """The cells of a full table by their headings."""
    head, _, *body = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in summary(results, FULL).splitlines()
    ]
    return [dict(zip(head, line, strict=True)) for line in body]


def test_seeds_are_one_row_with_their_median() -> None:
    (row,) = rows(result(0, 1.1, 1, 60), result(1, 2.2, 0, 120), result(2, 99.0, 2, 600))
    assert "mse 1.100 / 0.367 / 0.200 after 1 / 5 / 10 steps" in row["test"]
    assert "3 of 150 tasks diverged" in row["test"]
    assert "0.67, 0.38, 0.35" in row["paper"]
    assert (row["seeds"], row["minutes"]) == ("0, 1, 2", "2.0")
    assert row["within the paper's interval"] == "**above**"
    assert row["command"] == "`python src/train.py experiment=waves --multirun seed=0,1,2`"
    (row,) = rows(result(0, 0.7))
    assert row["within the paper's interval"] == "at or below"  # 0.35, 0.12, 0.06


def test_an_accuracy_has_its_interval() -> None:
    (row,) = rows(accurate())
    assert row["run"] == "protonet, omniglot, 5-way 1-shot, running batch norm"
    assert row["test"] == "98.77 ± 0.12 % over 600 tasks"
    assert row["within the paper's interval"] == "no interval given"
    assert row["command"] == "`python src/train.py a=b seed=3`"
    (row,) = rows(accurate() | {"algorithm": "maml"})  # 98.7 ± 0.4
    assert row["within the paper's interval"] == "yes"
    low = accurate() | {"algorithm": "maml"}
    low["test"]["accuracy"]["mean"] = 0.98
    assert rows(low)[0]["within the paper's interval"] == "**no**"
    assert rows(accurate() | {"dataset": "glyphs"})[0]["paper"] == "-"


def test_each_data_set_has_its_table() -> None:
    text = by_data_set([result(0, 1.0), accurate()])
    assert text.index("## sinusoid") < text.index("maml,") < text.index("## omniglot")


def shown(results: dict[str, Any]) -> str:
    console = Console(width=120, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(closing_table(results))
    return console.export_text()


def test_the_closing_table_lists_the_steps_in_order() -> None:
    text = shown(result(0, 2.2))
    places = [text.index(w) for w in ("before", "after 1 step ", "after 5 steps", "(scored)")]
    assert places == sorted(places)
    assert "2.2" in text and "0.2" in text and "batch norm" not in text
    text = shown(accurate())
    assert "98.77 %" in text and "± 0.12 %" in text and "running batch norm" in text


def test_a_single_task_has_no_interval() -> None:
    single = accurate()
    single["test"]["accuracy"]["ci95"] = float("nan")
    assert "±" not in shown(single) and "nan" not in shown(single)


def test_a_test_on_another_data_set_has_its_own_row_without_a_published_figure() -> None:
    own = accurate() | {"algorithm": "maml"}
    cross = own | {"trained_on": "glyphs"}
    assert rows(own, own | {"dataset": "glyphs", "trained_on": "omniglot"})[0]["seeds"] == "3"
    (row,) = rows(cross)
    assert row["run"].startswith("maml, omniglot (trained on glyphs)") and row["paper"] == "-"
    assert rows(own)[0]["paper"] != "-"
