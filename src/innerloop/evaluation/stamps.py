"""The stamps that an audit's numbers earn, with false stamps at a known rate.

There are two kinds of evidence. Whether answers change at all is a matter of arithmetic: float32
leaves rounding, which `changes.changed` tells from an effect. Whether a score gets worse is a
matter of chance. An exact sign test over the tasks decides it, which assumes nothing about the
distribution of scores (a regression task that diverged is one sign); the distance from chance is
tested by Student's t.

Four questions are of the second kind. Each is tested at `LEVEL`, so that at most one in a hundred
honest learners carries a false stamp of that kind. A fifth, whether the test's score is confirmed,
compares a learner with itself. An honest learner ties in every task, unless it draws random numbers
or was tested in a lower precision; it is then stamped falsely once in 400 times.

Answers may change when the same question is asked again, because the learner remembers other tasks
or draws random numbers. They would then change under any other question of the first kind too, so
these questions stamp nothing.
"""

import math
from collections.abc import Iterable
from typing import NotRequired, TypedDict

from innerloop.evaluation.findings import LEVEL, Findings, LabelsShuffled, Reported
from innerloop.tasks import Episode

FEWEST = math.ceil(-math.log2(LEVEL))  #: with fewer tasks no sign test can reach LEVEL
RARELY = 0.05  #: share of tasks that may change because ties break, as in nearest neighbours


class StampedFindings(Findings):
    """The numbers of an audit with its stamps."""

    stamps: list[str]


class Spread(TypedDict):
    """The spread of a score over the names of the classes."""

    spread: float | None


class Stamped(TypedDict):
    """What `in_words` reads of a stored audit."""

    tasks: int
    stamps: list[str]
    relabelled: NotRequired[Spread]


def stamped(findings: Findings) -> StampedFindings:
    """The findings with the stamps that they earn."""
    again = findings["asked_again"]
    steady = not _often(again["changed"])
    moved = findings["queries_reordered"]["changed"] if steady else None
    stamps = [
        *(_of_queries(findings) if steady else _of_memory(again["changed_by_other_tasks"])),
        *_of_order(moved, findings["support_reordered"]["p"]),
        *_of_support(findings["labels_shuffled"]),
        *_of_names(findings),
        *_of_test(findings.get("reported")),
        *_of_images(findings["test_images_held"]["tasks"], findings["shared_images"]),
    ]
    return {**findings, "stamps": stamps}


def of_joint_queries(joint: bool, episode: Episode) -> list[str]:
    """The stamp of a learner that answers queries together, where every class has as many: it can
    profit from a balance that real queries do not have.

    Arguments:
        joint: whether the learner says that its answers depend on the other queries.
        episode: sizes of the test's tasks.
    """
    balanced = episode.query_balance == "equal"
    return ["queries balanced by construction"] if joint and balanced else []


def of_selection(tasks: int) -> list[str]:
    """The stamp of a learner whose settings were chosen by labelled tasks of the test's classes.

    Arguments:
        tasks: how many; 0 if the learner chooses nothing.
    """
    return ["selected on the test domain"] if tasks else []


def in_words(audits: Iterable[Stamped | None]) -> str:
    """The stamps of a run, or of all seeds of a setting, for a table; empty without an audit."""
    known = [audit for audit in audits if audit]
    stamps = list(dict.fromkeys(stamp for audit in known for stamp in audit["stamps"]))
    spreads = [a["relabelled"]["spread"] for a in known if "relabelled" in a]
    if any(spread is not None for spread in spreads):
        widest = max(spread for spread in spreads if spread is not None)
        stamps.append(f"label order ±{100 * widest:.2g} %")
    fewest = min((audit["tasks"] for audit in known), default=FEWEST)
    if fewest < FEWEST:
        stamps.append(f"{fewest} tasks, too few for more")
    return ", ".join(stamps)


def _of_queries(findings: Findings) -> list[str]:
    alone = findings["queries_alone"]["changed"]
    return [] if alone is None else ["transductive" if _often(alone) else "inductive"]


def _of_memory(memory: float | None) -> list[str]:
    return ["remembers other tasks" if _often(memory) else "answers change when asked again"]


def _of_order(moved: float | None, p: float) -> list[str]:
    return ["labels leaked by order"] if _often(moved) or p < LEVEL else []


def _of_support(shuffled: LabelsShuffled | None) -> list[str]:
    if shuffled is None:
        return []
    if shuffled["changed"] is not None and shuffled["changed"] <= RARELY:
        return ["ignores its support"]
    if shuffled["p"] < LEVEL:
        return ["uses its support"]
    return ["support not shown to help"] if shuffled["tasks"] >= FEWEST else []


def _of_names(findings: Findings) -> list[str]:
    """Stamps of what a learner knows about classes before it adapts."""
    if "not_adapted" not in findings or "relabelled" not in findings:
        return []
    before, stamps = findings["not_adapted"], []
    if before["tasks"] >= FEWEST:
        at = "at" if before["p"] >= LEVEL else "not at"
        stamps.append(f"{at} chance before adapting")
    if findings["relabelled"]["p"] < LEVEL:
        stamps.append("class identity learned")
    return stamps


def _of_test(reported: Reported | None) -> list[str]:
    if reported is None:
        return []
    unchecked = [] if reported["checked"] else ["test score not checked"]
    return [*unchecked, *(["test score not confirmed"] if reported["p"] < LEVEL else [])]


def _of_images(held: float | None, shared: int | None) -> list[str]:
    holds = ["holds test images"] if held else []
    return [*holds, *(["training and test share images"] if shared else [])]


def _often(share: float | None) -> bool:
    return share is not None and share > RARELY
