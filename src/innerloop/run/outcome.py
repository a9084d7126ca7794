"""The end of a run: its tests and their results; then audit, figures and the closing tables."""

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
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

Attempt = Callable[[str], AbstractContextManager[None]]  #: in which a part is done that may fail


class Outcome(NamedTuple):
    """A test, and what its `results.json` holds."""

    tested: Tested
    results: dict[str, Any]

    @property
    def folder(self) -> Path:
        return self.tested.on.folder


def test(
    made: Experiment, checkpoint: Path, content: dict[str, Any], trained: float | None
) -> float | None:
    """Tests a checkpoint, writes its results, and returns the headline number.

    Whatever follows the results (tests on other data sets, audit, figures, loggers) may fail, with
    a line that says so.

    Arguments:
        content: what the checkpoint holds.
        trained: seconds that training took; None where there was none.
    """

    def outcome(tested: Tested) -> Outcome:
        return Outcome(tested, result_of(made, tested, checkpoint, trained))

    made.learner.on_load_checkpoint(content)
    weights = content["state_dict"]
    tested = run_test(made.trainer, made.learner, made.own, weights)
    if not made.trainer.is_global_zero:  # the first process keeps what is found
        _test_others(made, weights, lambda name: suppress(Exception), lambda other: None)
        return None
    own = outcome(tested)
    after = _begin(made, own, trained)
    others: list[Outcome] = []
    _test_others(made, weights, after.part, lambda other: others.append(_keep(outcome(other))))
    _look_back(made, own, others, after)
    with after.part("loggers"):
        wandb_run.complete(made, None if trained is None else checkpoint, own.results)
    return float(own.results["test"][made.learner.algorithm.objective.metric.name]["mean"])


def _begin(made: Experiment, own: Outcome, trained: float | None) -> Afterwards:
    """Writes the results on the run's own data set, by which it is finished."""
    stored.clear_outcome(own.folder)
    _write_scores(own)
    again = "the same command" if trained is None else f"resume={own.folder}"
    names = [other.name for other in made.others]
    more = [f"{part} on {name}" for part in ("test", "audit") for name in names]
    return Afterwards(own.results, own.folder / RESULTS, again, more)


def _keep(outcome: Outcome) -> Outcome:
    """Writes the results on another data set."""
    _write_scores(outcome)
    results.write_json(outcome.folder / RESULTS, outcome.results)
    return outcome


def _write_scores(outcome: Outcome) -> None:
    tested = outcome.tested
    outcome.folder.mkdir(parents=True, exist_ok=True)
    results.write_scores(
        outcome.folder / SCORES, tested.scores, tested.classes, tested.class_accuracy
    )


def _test_others(
    made: Experiment, weights: dict[str, Any], attempt: Attempt, keep: Callable[[Tested], None]
) -> None:
    """Tests on each further data set; what fails on one of them is no matter to the others."""
    for on in made.others:
        with attempt(f"test on {on.name}"):
            prepare(made.trainer, on.data)
            with without_loggers(made.trainer):
                tested = run_test(made.trainer, made.learner, on, weights)
            keep(tested)


def _look_back(made: Experiment, own: Outcome, others: list[Outcome], after: Afterwards) -> None:
    """Diagnostics, audits, figures and the closing tables."""
    inside: dict[str, Any] = {}
    with after.part("diagnostics"), auditing.on_device(made):
        if inside := inside_log.after_test(made.trainer, made.learner, made.data):
            results.write_json(own.folder / "diagnostics.json", inside)
    with after.part("audit"), auditing.on_device(made):
        own.results["audit"] = auditing.audit_of(made, own.tested)
    for other in others:
        with after.part(f"audit on {other.tested.on.name}"), auditing.on_device(made):
            other.results["audit"] = auditing.audit_of(made, other.tested)
            results.write_json(other.folder / RESULTS, other.results)
    with after.part("figures"):
        pictures.save(made, own.tested, inside, after.part)
    for outcome in (own, *others):
        table.show(outcome.results)
        notices.say(*adaptation_watch.of_test(made.learner, outcome.tested.scores))
    notices.say(*_places(own.folder), *[f"results {other.folder / RESULTS}" for other in others])


def _places(folder: Path) -> list[str]:
    files = {"picture": folder / "adaptation.png", "results": folder / RESULTS}
    return [f"{name} {file}" for name, file in files.items() if file.exists()]
