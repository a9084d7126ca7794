"""The numbers that an audit finds, as `results.json` keeps them."""

from typing import NotRequired, TypedDict

from torch import Tensor

from innerloop.evaluation import significance
from innerloop.evaluation.significance import AgainstChance, Worsening

LEVEL = 0.0025  #: of each test of significance


class Changed(TypedDict):
    """The share of tasks with changed answers; None if no task's answers are finite."""

    changed: float | None


class ChangedAgain(Changed):
    """The same when a question is asked again, and when another task was asked before."""

    changed_by_other_tasks: float | None


class LabelsShuffled(Changed, Worsening):
    """What shuffling the support's labels did to the answers and the score."""


class ImagesHeld(TypedDict):
    """The share of tasks of which the learner holds an image."""

    tasks: float | None


class Reported(Worsening):
    """The test's own scores, compared with those of the audit."""

    checked: bool  #: False where the learner from before the test is not available


class Relabelled(Worsening):
    """What other names of the classes did to the score, and its spread over such names."""

    spread: float


class Findings(TypedDict):
    """The numbers of an audit; the last three are left out where they make no sense."""

    tasks: int
    level: float
    score: float
    queries_alone: Changed
    queries_reordered: Changed
    labels_shuffled: LabelsShuffled | None
    support_reordered: Worsening
    asked_again: ChangedAgain
    test_images_held: ImagesHeld
    shared_images: int | None
    reported: NotRequired[Reported]
    not_adapted: NotRequired[AgainstChance]
    relabelled: NotRequired[Relabelled]


def summarise(
    measured: dict[str, Tensor], higher_is_better: bool, shared_images: int | None = None
) -> Findings:
    """Means and p-values of what was measured.

    Arguments:
        measured: `(T,)` values by name, from `innerloop.evaluation.questions`. `ways`, the classes
            of a task, is missing for real targets.
        shared_images: how many images of the test are in the training too; None if not known.
    """
    score, sign = measured["score"], 1.0 if higher_is_better else -1.0
    findings = _of_all_learners(measured, sign, shared_images)
    if "reported" in measured:
        findings["reported"] = _reported(measured["reported"], score, sign)
    if "ways" in measured:
        chance = 1 / measured["ways"]
        findings["not_adapted"] = significance.against_chance(measured["before"], chance)
        findings["relabelled"] = _relabelled(score, measured["relabelled"], sign)
    return findings


def _of_all_learners(
    measured: dict[str, Tensor], sign: float, shared_images: int | None
) -> Findings:
    """The numbers that make sense for every learner."""
    score = measured["score"]
    return {
        "tasks": len(score),
        "level": LEVEL,
        "score": float(score.double().mean()),
        "queries_alone": {"changed": _share(measured, "alone")},
        "queries_reordered": {"changed": _share(measured, "queries")},
        "labels_shuffled": _labels_shuffled(measured, sign),
        "support_reordered": significance.worse(score, measured["reordered"], sign),
        "asked_again": {
            "changed": _share(measured, "again"),
            "changed_by_other_tasks": _share(measured, "memory"),
        },
        "test_images_held": {"tasks": _share(measured, "images")},
        "shared_images": shared_images,
    }


def _share(measured: dict[str, Tensor], name: str) -> float | None:
    """The mean of flags that are 0 or 1, without those that are NaN."""
    if name not in measured:
        return None
    known = measured[name][~measured[name].isnan()]
    return float(known.mean()) if len(known) else None


def _labels_shuffled(measured: dict[str, Tensor], sign: float) -> LabelsShuffled | None:
    """None where labels may not be disturbed."""
    if "shuffled" not in measured:
        return None
    worsening = significance.worse(measured["score"], measured["shuffled"], sign)
    return {"changed": _share(measured, "labels"), **worsening}


def _reported(reported: Tensor, score: Tensor, sign: float) -> Reported:
    worsening = significance.worse(reported, score, sign)
    worsening["mean"] = float(reported.double().mean())
    return {**worsening, "checked": not bool(reported.isnan().all())}


def _relabelled(score: Tensor, renamed: Tensor, sign: float) -> Relabelled:
    return {
        **significance.worse(score, renamed, sign),
        "spread": significance.spread(score, renamed),
    }
