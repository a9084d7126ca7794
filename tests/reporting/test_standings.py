"""The order of settings, and how sure it is, against scipy."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from finished_runs import finished_run, scores_of
from scipy import stats

from innerloop.reporting.finding import finding
from innerloop.reporting.finished import below
from innerloop.reporting.settings import labels, settings
from innerloop.reporting.standings import Standing, standings

LEVELS = {"protonet": 0.5, "maml": 0.62, "anil": 0.6}


def places(outputs: Path, seeds: int, levels: dict[str, float] = LEVELS) -> list[Standing]:
    for algorithm, level in levels.items():
        for seed in range(seeds):
            finished_run(
                outputs / f"{algorithm}{seed}", algorithm, seed, level + 0.01 * seed,
                protocol__scored_step=None,
            )  # fmt: skip
            config = yaml.safe_dump({"seed": seed, "algorithm": {"_target_": algorithm}})
            (outputs / f"{algorithm}{seed}" / "config.yaml").write_text(config)
    groups = settings(below(outputs))
    return standings(list(zip(groups, labels(groups), strict=True)))


def means(outputs: Path, algorithm: str, seeds: int) -> list[float]:
    return [float(scores_of(outputs / f"{algorithm}{s}", 0).mean()) for s in range(seeds)]


def test_three_seeds_are_compared_by_welch_with_holm(tmp_path: Path) -> None:
    first, *others = places(tmp_path, 3)
    assert [p.label for p in (first, *others)] == ["maml", "anil", "protonet"]
    assert first.behind is None
    raw = [
        stats.ttest_ind(means(tmp_path, "maml", 3), means(tmp_path, p.label, 3), equal_var=False)
        for p in others
    ]
    low, high = sorted(float(test.pvalue) for test in raw)
    expected = {low: 2 * low, high: max(high, 2 * low)}
    for place, test in zip(others, raw, strict=True):
        assert place.behind is not None and place.behind.methods
        assert place.behind.difference.p == pytest.approx(min(1, expected[float(test.pvalue)]))


def test_two_seeds_are_compared_over_tasks_and_separate_nothing(tmp_path: Path) -> None:
    first, second = places(tmp_path, 2, {"maml": 0.7, "anil": 0.5})
    scores = [np.mean([scores_of(tmp_path / f"{n}{s}", 0) for s in (0, 1)], 0)
              for n in ("maml", "anil")]  # fmt: skip
    assert second.behind is not None and not second.behind.methods
    expected = stats.ttest_rel(*scores)
    assert second.behind.difference.p == pytest.approx(float(expected.pvalue))
    assert "2 seeds: not separated, which takes three seeds of each" in finding([first, second])
    assert "as checkpoints, maml beats the other on the shared tasks" in finding([first, second])


@pytest.mark.parametrize(
    ("levels", "words"), [((0.5, 0.9), ": separated (p"), ((0.5, 0.501), ": not separated (p")]
)
def test_the_sentence_says_whether_methods_are_separated(
    tmp_path: Path, levels: tuple[float, float], words: str
) -> None:
    assert words in finding(places(tmp_path, 3, dict(zip(("maml", "anil"), levels, strict=True))))


def test_a_single_setting_is_stated_with_its_interval(tmp_path: Path) -> None:
    (place,) = places(tmp_path, 1, {"protonet": 0.5})
    mean = 100 * means(tmp_path, "protonet", 1)[0]
    assert finding([place]) == f"protonet {mean:.1f} ± 1.0 % over 200 tasks."


def test_runs_without_scores_have_no_p_value(tmp_path: Path) -> None:
    places(tmp_path, 1, {"maml": 0.6, "anil": 0.5})
    (tmp_path / "anil0" / "scores.npz").unlink()
    groups = settings(below(tmp_path))
    first, second = standings(list(zip(groups, labels(groups), strict=True)))
    assert second.behind is None
    assert "scores of their tasks are missing" in finding([first, second])
