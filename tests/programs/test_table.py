"""`make table`: what is trained, what is kept, and the page."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from finished_runs import finished_run, scores_of
from helpers import ROOT
from scipy import stats

from innerloop.errors import UserError
from innerloop.programs import tables
from innerloop.programs.tables import Table
from innerloop.reporting import score_bank
from innerloop.reporting.field_pairs import differences
from innerloop.reporting.finished import read

DEFINITION = {"title": "Mine", "text": "All of mine.", "runs": ["experiment=mine_*"]}


@pytest.fixture
def table(tmp_path: Path) -> Table:
    """A table of two experiments, in a repository of its own."""
    for folder in ("docs/tables", "conf/experiment"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "docs/tables/mine.yaml").write_text(json.dumps(DEFINITION))
    for name in ("mine_a", "mine_b", "other"):
        (tmp_path / f"conf/experiment/{name}.yaml").touch()
    return Table("mine", tmp_path)


def rows(page: str) -> list[list[str]]:
    lines = [line for line in page.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_a_page_ranks_the_kept_results_with_paired_differences(table: Table) -> None:
    worse = finished_run(table.runs / "mine_a", "maml", mean=0.5)
    better = finished_run(table.runs / "mine_b", "anil", mean=0.6)
    tables.keep(table)
    tables.write(table)
    heading, _, first, second = rows((table.root / "docs/tables/mine.md").read_text())
    assert [first[0], second[0]] == ["anil, conv4", "maml, conv4"]
    test = stats.ttest_rel(scores_of(worse, 3), scores_of(better, 3)).confidence_interval(0.95)
    middle, half = 50 * (test.low + test.high), 50 * (test.high - test.low)
    column = heading.index("behind the best")
    assert half < 1e-3, "the two differ by the same in every task"
    assert first[column] == "-" and second[column] == f"{middle:.2f} ± 0 %"


def test_a_page_can_be_written_again_without_the_runs(table: Table) -> None:
    finished_run(table.runs / "mine_a")
    tables.keep(table)
    tables.write(table)
    page = table.definition.with_suffix(".md")
    before = page.read_text()
    table.runs.rename(table.root / "gone")
    tables.write(table)
    assert page.read_text() == before


def test_members_that_were_run_on_different_days_are_compared(table: Table) -> None:
    worse = finished_run(table.runs / "mine_a", "maml", mean=0.5)
    scores = scores_of(worse, 3)
    tables.keep(table)
    shutil.rmtree(table.runs)
    better = finished_run(table.runs / "mine_b", "anil", mean=0.6)
    tables.keep(table)
    tables.write(table)
    (entry,) = json.loads((table.kept / "paired.json").read_text()).values()
    assert entry["best"] == "mine_b"
    assert entry["mean"] == pytest.approx(scores.mean() - scores_of(better, 3).mean())
    assert entry["p"] == pytest.approx(stats.ttest_rel(scores, scores_of(better, 3)).pvalue)


def test_a_difference_without_kept_scores_stays_until_the_best_is_run_anew(table: Table) -> None:
    finished_run(table.runs / "mine_a", "maml", mean=0.5)
    finished_run(table.runs / "mine_b", "anil", mean=0.6)
    tables.keep(table)
    tables.write(table)
    for name in ("mine_a", "mine_b"):  # as members were kept before there were score files
        (table.kept / f"{name}.npz").unlink()
    assert differences(table.kept)["mine_a"]["best"] == "mine_b"  # type: ignore[index]
    shutil.rmtree(table.runs)
    finished_run(table.runs / "mine_b", "anil", mean=0.7)
    tables.keep(table)
    assert differences(table.kept) == {}


def test_kept_scores_are_small_and_are_those_of_the_run(table: Table) -> None:
    run = finished_run(table.runs / "mine_a", "maml")
    tables.keep(table)
    kept = table.kept / "mine_a.npz"
    assert kept.stat().st_size < 4096
    banked = score_bank.read(kept)
    assert np.array_equal(banked.scores, scores_of(run, 3))
    assert banked.results.command == read(run).results.command
    assert banked.results.protocol.hash == "abc"


def test_two_fields_span_a_table(table: Table) -> None:
    table.definition.write_text(json.dumps(DEFINITION | {"cross": ["model", "algorithm"]}))
    finished_run(table.runs / "mine_a", "maml", mean=0.5)
    finished_run(table.runs / "mine_b", "anil", mean=0.6, model="mlp")
    tables.keep(table)
    tables.write(table)
    heading, _, conv4, mlp = rows(table.definition.with_suffix(".md").read_text())[:4]
    assert heading == ["model by algorithm", "maml", "anil"]
    assert conv4[0] == "conv4" and conv4[2] == "-" and mlp[1] == "-"


def test_only_missing_members_are_trained(table: Table) -> None:
    """A real training of the one member without results; the other is left as it is."""
    (table.root / "src").symlink_to(ROOT / "src")
    line = "dataset=sinusoid algorithm=maml,anil debug=fast logger=none"
    table.definition.write_text(json.dumps(DEFINITION | {"runs": [line]}))
    kept = finished_run(table.runs / "sinusoid_maml_fast_none")
    before = (kept / "results.json").stat().st_mtime_ns
    assert tables.train_missing(table, jobs=1, threads=1) == []
    assert (kept / "results.json").stat().st_mtime_ns == before
    trained = json.loads((table.runs / "sinusoid_anil_fast_none/results.json").read_text())
    assert trained["algorithm"] == "anil" and trained["threads"] == 1


def test_a_member_that_fails_is_named_and_the_others_go_on(table: Table) -> None:
    (table.root / "src").symlink_to(ROOT / "src")
    line = "dataset=sinusoid algorithm=protonet,maml debug=fast logger=none"
    table.definition.write_text(json.dumps(DEFINITION | {"runs": [line]}))
    assert tables.train_missing(table, jobs=2, threads=1) == ["sinusoid_protonet_fast_none"]
    assert (table.runs / "sinusoid_maml_fast_none/results.json").exists()


def test_an_unknown_table_is_refused_with_the_known_ones(table: Table) -> None:
    with pytest.raises(UserError, match="choose mine"):
        Table("yours", table.root).members()


@pytest.mark.parametrize("definition", sorted((ROOT / "docs/tables").glob("*.yaml")))
def test_the_pages_of_the_documentation_equal_the_kept_results(definition: Path) -> None:
    from innerloop.reporting.field import page

    written = definition.with_suffix(".md")
    if not definition.with_suffix("").exists():
        assert not written.exists(), "a page without results"
        return
    assert written.read_text() == page(definition, definition.with_suffix(""))
