"""Untrusted files: what is read, what is refused, and what reaches a terminal or a page."""

import base64
import io
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from cli import call, mistake
from finished_runs import comparison_of, finished_run, scores_of
from helpers import ROOT
from rich.console import Console

from innerloop.errors import UserError, visible
from innerloop.evaluation import schema
from innerloop.machine import arrays, mappings
from innerloop.reporting.finished import below, read
from innerloop.reporting.page.charts import Line, chart
from innerloop.reporting.page.details import _pictures
from innerloop.reporting.terminal import add_row, new_table
from innerloop.sweeping import closing, members

PNG = b"\x89PNG\r\n\x1a\n and so on"
TRICKS = "\x1b]52;c;cm0gLXJm\x07\x1b[2J\x9b2J\x7f\r\n\u202egnp.exe\u2066\u2028[/red][bold]:smile:"


@pytest.mark.parametrize("code", [*range(32), *range(127, 160), *range(0x202A, 0x202F), 0xDC80])
def test_control_characters_are_escaped(code: int) -> None:
    shown = visible(f"a{chr(code)}b")
    assert chr(code) not in shown
    assert shown.encode().decode("unicode_escape") == f"a{chr(code)}b"


def test_other_letters_are_unchanged() -> None:
    assert visible("größe=½ 模型 a\\b") == "größe=½ 模型 a\\b"
    assert visible(Path("a/b")) == "a/b"
    assert visible("x" * 50, 10) == f"{'x' * 10}…"


def test_yaml_equals_the_safe_loaders_reading(tmp_path: Path) -> None:
    content = {"a": {"b": [1, 2.5, "x", None, True]}, "c": {}, "7": "011", "d": "${a.b}"}
    file = tmp_path / "a.yaml"
    file.write_text(yaml.safe_dump(content))
    assert mappings.read_yaml(file) == content
    file.write_text("a: &x [1, 2]\nb: *x\n")
    assert mappings.read_yaml(file) == yaml.safe_load(file.read_text())


@pytest.mark.parametrize("reader", [mappings.read_json, mappings.read_yaml])
def test_nesting_depth_is_limited(tmp_path: Path, reader: Any) -> None:
    file, most = tmp_path / "a", mappings.DEPTH
    for levels in (most - 1, most + 1):
        nested: Any = 1
        for _ in range(levels):
            nested = {"a": nested}
        file.write_text(json.dumps(nested))
        if levels < most:
            assert reader(file) == nested
        else:
            with pytest.raises(UserError, match="more than 40 levels"):
                reader(file)


def test_yaml_aliases_count_each_time_they_are_used(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    row = ", ".join(["*a"] * 100)
    file.write_text(f"a: &a [{', '.join(['1'] * 100)}]\nb: [{row}]\n")
    assert len(mappings.read_yaml(file)["b"]) == 100
    file.write_text(f"a: &a [{', '.join(['1'] * 999)}]\nb: [{row}]\n")
    with pytest.raises(UserError, match=r"a\.yaml has more than 50000 values"):
        mappings.read_yaml(file)


def test_arrays_are_read_back(tmp_path: Path) -> None:
    values = np.random.default_rng(0).random((5, 3)).astype(np.float32)
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "s.npz", accuracy=values, turned=values.T, classes=np.arange(4))
        for name, expected in {"accuracy": values, "turned": values.T, "classes": range(4)}.items():
            actual = arrays.read_array(tmp_path / "s.npz", name)
            np.testing.assert_array_equal(actual, expected)
        assert arrays.read_array(tmp_path / "s.npz", "other") is None


def test_a_field_of_the_wrong_type_is_named(tmp_path: Path) -> None:
    content = json.loads((finished_run(tmp_path / "a") / "results.json").read_text())
    record = schema.read(content | {"later": {"version": 9}}, "x")
    assert (record.seed, record.test["accuracy"].ci95, record.norm) == (0, 0.01, "support")
    for change, words in (
        ({"seed": "0"}, "x: seed: input should be a valid integer"),
        ({"seed": True}, "x: seed: input should be a valid integer"),
        ({"test": {}}, "x: test: "),
        ({"test": {"accuracy": {"ci95": 0.1}}}, "x: test.accuracy.mean: field required"),
        ({"protocol": None}, "x: protocol: "),
    ):
        with pytest.raises(UserError, match=words):
            schema.read(content | change, "x")
    content["test"]["accuracy"]["mean"] = float("nan")
    assert schema.read(content, "x").headline.mean is None


def test_an_unreadable_run_is_left_out_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in "abc":
        finished_run(tmp_path / name, seed="abc".index(name))
    (tmp_path / "b" / "results.json").write_text('{"protocol": {}, "test": 3}')
    assert [run.folder.name for run in below(tmp_path)] == ["a", "c"]
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"left out: {tmp_path}/b/results.json: algorithm: field required")
    (tmp_path / "c" / "scores.npz").write_bytes(b"PK")
    comparison = comparison_of(tmp_path, "algorithm=maml")
    assert comparison["runs"][0]["seeds"] == [0]
    assert "c/scores.npz holds no readable accuracy" in capsys.readouterr().err
    assert "b/results.json" in mistake("compare", str(tmp_path / "b"), str(tmp_path / "a"))
    assert "b/results.json" in mistake("report", str(tmp_path / "a"), str(tmp_path / "b"))
    assert "c/scores.npz" in mistake("compare", str(tmp_path / "a"), str(tmp_path / "c"))


def test_an_unwritable_output_is_refused_before_the_work(tmp_path: Path) -> None:
    a, b = str(finished_run(tmp_path / "a")), str(finished_run(tmp_path / "b"))
    file = f"{a}/results.json/page"
    assert "is a folder" in mistake("report", a, "--out", b)
    assert "is not a folder that can be written to" in mistake("report", a, "--out", file)
    assert "is a folder" in mistake("compare", a, b, "--json", b)
    assert "is not a folder that can be written to" in mistake("compare", a, b, "--json", file)


def test_only_pictures_inside_the_run_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, private = tmp_path / "run", tmp_path / "private"
    for folder in (run / "figures", private):
        folder.mkdir(parents=True)
    (private / "photo.png").write_bytes(PNG + b"private")
    (run / "good.png").write_bytes(PNG)
    (run / "figures" / "linked.png").symlink_to(private / "photo.png")
    (run / "figures" / "script.png").write_bytes(b"%!PS\n(/etc/passwd) run")
    (run / "figures" / "folder.png").mkdir()
    (run / "more").symlink_to(private)
    os.mkfifo(run / "pipe.png")
    with (run / "large.png").open("wb") as file:
        file.write(PNG)
        file.truncate(20 * 2**30)
    assert _pictures(run) == [("good", base64.b64encode(PNG).decode(), False)]
    left_out = capsys.readouterr().err.splitlines()
    assert len(left_out) == 5
    for name in ("linked", "script", "folder", "pipe", "large"):
        assert sum(f"{name}.png" in line for line in left_out) == 1


@pytest.mark.parametrize("word", ["$\\frac$", "$", "a_$x^2$", "_hidden", "50%", "x" * 10_000])
def test_chart_labels_are_shown_literally(word: str) -> None:
    svg = chart(word, word, word, [Line([0, 1], [1, 2], 0, word)], False, "n")
    for text in (word, "\\frac", "_hidden"):
        if text in word and len(word) < 60:
            assert text.lstrip("_") in svg
    assert len(svg) < 50_000


def test_a_logarithmic_axis_is_labelled_with_powers() -> None:
    svg = chart("t", "x", "$y$", [Line([0, 1], [1e-3, 1e3], 0, "$\\frac$")], True, "n")
    svg = re.sub(r"<!--.*?-->", "", svg)
    assert "mathdefault" not in svg and "$\\frac$" in svg and "$y$" in svg


def test_hostile_names_are_escaped_on_pages_and_terminals(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = TRICKS.replace("/", "|")
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8")
    a = finished_run(
        tmp_path / f"a{name}", algorithm=name, norm=name, command=f"'{name}", model=name
    )
    b = finished_run(tmp_path / f"b{name}", algorithm=name, norm=name, seed=1, dataset=name)
    metrics = json.loads((b / "results.json").read_text())
    metrics["dataset"] = "mine"
    (b / "results.json").write_text(json.dumps(metrics))
    members.write_reason(tmp_path / f"c{name}", name, name)
    call("runs", "--outputs", str(tmp_path))
    call("compare", str(a), str(b))
    call("report", str(tmp_path), "--out", str(tmp_path / f"{name}.html"))
    call("replay", str(a), str(b))
    shown = io.StringIO()
    closing.close(tmp_path, Console(file=shown, width=400))
    refused = mistake("compare", str(a), str(tmp_path / f"d{name}"))
    out = shown.getvalue() + refused + "".join(capsys.readouterr())
    assert out.count("\\x1b]52;c;cm0gLXJm\\x07\\x1b[2J\\x9b2J\\x7f\\x0d\\x0a\\u202egnp") > 8
    assert not {c for c in out if visible(c) != c} - {"\n"}
    assert out.count("[bold]:smile:") > 8


def test_table_cells_are_not_read_as_markup() -> None:
    table, console = new_table("[bold]a"), Console(record=True, file=io.StringIO(), width=80)
    add_row(table, "[/red] :smile:")
    console.print(table)
    shown = console.export_text()
    assert "[bold]a" in shown and "[/red] :smile:" in shown


@pytest.mark.parametrize("room", ["reporting", "replaying", "sweeping"])
def test_only_the_safe_readers_open_files_of_runs(room: str) -> None:
    safe = {"foreign.py", "mappings.py", "arrays.py"}
    opens = re.compile(
        r"json\.loads?\(|safe_load|yaml\.load|np\.load|\.read_(text|bytes)\(|\bopen\("
    )
    for file in (ROOT / "src" / "innerloop" / room).rglob("*.py"):
        lines = [] if file.name in safe else file.read_text().splitlines()
        assert [line for line in lines if opens.search(line) and "Image.open" not in line] == []


def few(folder: Path, scores: list[float], algorithm: str) -> Path:
    """A run that was tested on few tasks."""
    finished_run(folder, algorithm, protocol__tasks=len(scores), protocol__scored_step=None)
    values = np.array(scores, np.float32)[:, None]
    np.savez(folder / "scores.npz", accuracy=values)
    return folder


@pytest.mark.parametrize("tasks", [1, 2, 5, 6])
def test_p_values_need_at_least_six_tasks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], tasks: int
) -> None:
    first = few(tmp_path / "a", [0.6, 0.8, 0.6, 0.4, 0.2, 0.6][:tasks], "maml")
    second = few(tmp_path / "b", [0.4, 0.6, 0.4, 0.2, 0.0, 0.4][:tasks], "anil")
    comparison = comparison_of(tmp_path, first, second)
    (difference,) = comparison["differences"]
    assert difference["mean"] == pytest.approx(0.2)
    assert scores_of(first, 0) == pytest.approx(scores_of(second, 0) + 0.2)
    shown = capsys.readouterr().out
    assert "nan" not in shown
    if tasks < 6:
        assert difference["p"] is None and difference["p_holm"] is None
        assert f"{tasks} test tasks are too few" in shown
    else:
        assert difference["p"] == difference["p_holm"] == 2 / 2**6
        assert "too few" not in shown
    if tasks == 1:
        assert comparison["runs"][0]["ci95"] is None and "±" not in shown


def test_a_run_is_read_back_as_written(tmp_path: Path) -> None:
    folder = finished_run(tmp_path / "a")
    run, written = read(folder), json.loads((folder / "results.json").read_text())
    assert run.results.model_dump(exclude_unset=True) == written
    assert run.scores == pytest.approx(scores_of(folder, 3))
    assert run.get("inner.rate") == 0.1 and run.get("protocol.hash") == "abc"
    shutil.rmtree(folder)
