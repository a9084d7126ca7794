"""The end of a run: tests and results first, then audits, figures and tables."""

from collections.abc import Callable
from pathlib import Path

from innerloop.callbacks import adaptation_watch, inside_log
from innerloop.evaluation import results, schema
from innerloop.evaluation.schema import RESULTS
from innerloop.experiment import (
    auditing,
    baselines,
    closed_loop,
    notices,
    pictures,
    stored,
    trackers,
)
from innerloop.experiment.experiment import Experiment
from innerloop.experiment.plain import Checkpoint, PlainDict
from innerloop.experiment.result import Outcome, result_of
from innerloop.experiment.results_file import ResultsFile
from innerloop.experiment.tested import TestSet
from innerloop.experiment.testing import prepare, run_test, without_loggers
from innerloop.machine import screen, work
from innerloop.reporting import baseline_table, closing, table


def test(
    experiment: Experiment, checkpoint: Path, content: Checkpoint, trained: float | None
) -> float | None:
    """Tests a checkpoint, writes its results, and returns the headline number.

    What follows the results (tests on other data sets, audit, figures, loggers) may fail with a
    line of warning. All processes test together; the first one writes the results.

    Arguments:
        checkpoint: the file.
        content: what the file holds.
        trained: seconds that training took; None if nothing was trained.

    Returns:
        the mean of the metric at the scored step; None in all processes but the first.
    """
    experiment.learner.on_load_checkpoint(content)

    def outcome(on: TestSet) -> Outcome:
        weights = content["state_dict"]
        tested = run_test(experiment.trainer, experiment.learner, on, weights)
        return Outcome(tested, result_of(experiment.facts, tested, checkpoint, trained))

    own = outcome(experiment.own)
    file = _begin(own, trained)
    others = _test_others(experiment, file, outcome)
    if not file.keeps:
        return None
    _follow_up(own, others, file)
    with file.part("loggers"):
        trackers.complete(own.tested, None if trained is None else checkpoint, own.results)
    return float(own.results["test"][own.tested.on.objective.metric.name]["mean"])


def _begin(own: Outcome, trained: float | None) -> ResultsFile:
    """Writes the results on the run's own data set: from then on the run is finished."""
    keeps = own.tested.trainer.is_global_zero
    if keeps:
        stored.clear_outcome(own.folder)
        own.write_scores()
    return ResultsFile(
        content=own.results,
        file=own.folder / RESULTS,
        remedy="the same command" if trained is None else f"resume={own.folder}",
        keeps=keeps,
    )


def _test_others(
    experiment: Experiment, file: ResultsFile, outcome: Callable[[TestSet], Outcome]
) -> list[Outcome]:
    """Tests on each further data set; a failure on one does not stop the others."""
    others: list[Outcome] = []
    for on in experiment.others:
        with file.part(f"test on {on.name}"):
            prepare(experiment.trainer, on.data)
            with without_loggers(experiment.trainer):
                others.append(outcome(on))
            if file.keeps:
                others[-1].write_scores()
                others[-1].write_results()
    return others


def _follow_up(own: Outcome, others: list[Outcome], file: ResultsFile) -> None:
    """Diagnostics, audits, figures and the closing tables."""
    inside = _diagnose(own, file)
    for outcome in (own, *others):
        _score_baselines(outcome, file)
    with file.part("audit"):
        own.results["audit"] = auditing.audit_of(own.tested)
    for other in others:
        with file.part(f"audit on {other.tested.on.name}"):
            other.results["audit"] = auditing.audit_of(other.tested)
            other.write_results()
    with file.part("figures"):
        title = closing.result_in_words(schema.read(own.results))
        pictures.save(own.tested, inside, title, file.part)
    for outcome in (own, *others):
        table.show(outcome.results)
        baseline_table.show_baselines(outcome.results)
        warnings = adaptation_watch.of_test(own.tested.learner, outcome.tested.scores.curve)
        if warnings:
            notices.say(*warnings, style=screen.YELLOW)
    if others:
        table.show_data_sets([outcome.results for outcome in (own, *others)])
    result, *more = closing.closing_lines(own.results, own.folder)
    notices.say(result, style=screen.BOLD)
    notices.say(*more)
    notices.say(*_places(own.folder), *[f"results {other.folder / RESULTS}" for other in others])


def _score_baselines(outcome: Outcome, file: ResultsFile) -> None:
    """Adds the baselines of the data set to the results, if they are asked for."""
    on = outcome.tested.on
    if not on.baselines:
        return
    with file.part(f"baselines of {on.name}"):
        outcome.results["baselines"] = baselines.of_test(outcome.tested)
        outcome.write_results()
    with file.part(f"trials of {on.name}"):
        if trials := closed_loop.of_test(outcome.tested):
            outcome.results["trials"] = trials
            outcome.write_results()


def _diagnose(own: Outcome, file: ResultsFile) -> PlainDict:
    """What happens inside the learner on a few test tasks; empty if that is switched off."""
    tested, inside = own.tested, PlainDict()
    shown = work.working("Diagnostics")
    with file.part("diagnostics"), shown, auditing.on_device(tested):
        if inside := inside_log.after_test(tested.trainer, tested.learner, tested.on.data):
            results.write_json(own.folder / "diagnostics.json", inside)
    return inside


def _places(folder: Path) -> list[str]:
    files = {"picture": folder / "adaptation.png", "results": folder / RESULTS}
    return [f"{name} {screen.short(file)}" for name, file in files.items() if file.exists()]
