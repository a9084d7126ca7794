"""The end of a run: its tests and their results; then audits, figures and the closing tables."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from innerloop.callbacks import adaptation_watch, inside_log
from innerloop.evaluation import results
from innerloop.evaluation.schema import RESULTS
from innerloop.reporting import table
from innerloop.reporting.finished import SCORES
from innerloop.run import auditing, notices, pictures, stored, wandb_run
from innerloop.run.afterwards import Afterwards
from innerloop.run.experiment import Experiment
from innerloop.run.result import result_of
from innerloop.run.tested import Tested, prepare, run_test, without_loggers


class Outcome(NamedTuple):
    """A test, and what its `results.json` holds."""

    tested: Tested
    results: dict[str, Any]

    @property
    def folder(self) -> Path:
        return self.tested.on.folder

    def write_scores(self) -> None:
        """Writes `scores.npz`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        tested = self.tested
        results.write_scores(
            self.folder / SCORES, tested.scores, tested.classes, tested.class_accuracy
        )

    def write_results(self) -> None:
        """Writes `results.json`."""
        results.write_json(self.folder / RESULTS, self.results)


def test(
    experiment: Experiment, checkpoint: Path, content: dict[str, Any], trained: float | None
) -> float | None:
    """Tests a checkpoint, writes its results, and returns the headline number.

    Whatever follows the results (tests on other data sets, audit, figures, loggers) may fail, with
    a line that says so. All processes test together, and the first one keeps what was found.

    Arguments:
        content: what the checkpoint holds.
        trained: seconds that training took; None where there was none.
    """

    def outcome(tested: Tested) -> Outcome:
        return Outcome(tested, result_of(experiment.facts, tested, checkpoint, trained))

    experiment.learner.on_load_checkpoint(content)
    weights = content["state_dict"]
    own = outcome(run_test(experiment.trainer, experiment.learner, experiment.own, weights))
    after = _begin(own, trained)
    others: list[Outcome] = []

    def keep(tested: Tested) -> None:
        others.append(outcome(tested))
        if after.keeps:
            others[-1].write_scores()
            others[-1].write_results()

    _test_others(experiment, weights, after, keep)
    if not after.keeps:
        return None
    _look_back(own, others, after)
    with after.part("loggers"):
        wandb_run.complete(own.tested, None if trained is None else checkpoint, own.results)
    return float(own.results["test"][own.tested.on.objective.metric.name]["mean"])


def _begin(own: Outcome, trained: float | None) -> Afterwards:
    """Writes the results on the run's own data set, by which it is finished."""
    keeps = own.tested.trainer.is_global_zero
    if keeps:
        stored.clear_outcome(own.folder)
        own.write_scores()
    return Afterwards(
        content=own.results,
        file=own.folder / RESULTS,
        again="the same command" if trained is None else f"resume={own.folder}",
        keeps=keeps,
    )


def _test_others(
    experiment: Experiment,
    weights: dict[str, Any],
    after: Afterwards,
    keep: Callable[[Tested], None],
) -> None:
    """Tests on each further data set; what fails on one of them is no matter to the others."""
    for on in experiment.others:
        with after.part(f"test on {on.name}"):
            prepare(experiment.trainer, on.data)
            with without_loggers(experiment.trainer):
                tested = run_test(experiment.trainer, experiment.learner, on, weights)
            keep(tested)


def _look_back(own: Outcome, others: list[Outcome], after: Afterwards) -> None:
    """Diagnostics, audits, figures and the closing tables."""
    tested, inside = own.tested, dict[str, Any]()
    with after.part("diagnostics"), auditing.on_device(tested):
        if inside := inside_log.after_test(tested.trainer, tested.learner, tested.on.data):
            results.write_json(own.folder / "diagnostics.json", inside)
    with after.part("audit"):
        own.results["audit"] = auditing.audit_of(tested)
    for other in others:
        with after.part(f"audit on {other.tested.on.name}"):
            other.results["audit"] = auditing.audit_of(other.tested)
            other.write_results()
    with after.part("figures"):
        pictures.save(tested, inside, after.part)
    for outcome in (own, *others):
        table.show(outcome.results)
        notices.say(*adaptation_watch.of_test(tested.learner, outcome.tested.scores))
    notices.say(*_places(own.folder), *[f"results {other.folder / RESULTS}" for other in others])


def _places(folder: Path) -> list[str]:
    files = {"picture": folder / "adaptation.png", "results": folder / RESULTS}
    return [f"{name} {file}" for name, file in files.items() if file.exists()]
