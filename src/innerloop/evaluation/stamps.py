"""What an audit's measurements say of a learner, with false stamps at a known rate.

Two kinds of evidence. Whether answers change at all is a matter of arithmetic: float32 leaves
rounding, which `changed` tells from an effect. Whether a score gets worse is a matter of chance,
and decided by an exact sign test over the tasks (nothing is assumed of how scores are spread: a
regression task that diverged is one sign), its distance from chance by Student's t.

Four questions are of the second kind. Each is asked at `LEVEL`, so that at most one in a hundred
honest learners carries a false stamp of that kind. A fifth, whether the test's score is confirmed,
compares a learner with itself: an honest one ties in every task, unless it draws random numbers or
was tested in a lower precision, and is then stamped falsely once in 400 times.

Answers that change when the same question is asked again, because the learner remembers other tasks
or draws random numbers, would also change under any other question of the first kind: these then
stamp nothing.
"""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from innerloop.evaluation import significance

LEVEL = 0.0025
FEWEST = math.ceil(-math.log2(LEVEL))  #: tasks below which no sign test can reach LEVEL
SEEN = 1e-3  #: of the spread of a task's answers: a smaller change makes no difference
ROUNDING = significance.ROUNDING  #: of the answers' size
RARELY = 0.05  #: share of tasks in which a tie may be broken otherwise, as nearest neighbours do


def changed(answers: Tensor, again: Tensor, classes: bool) -> Tensor:
    """1 for each task whose answers `(T, n, width)` changed beyond rounding, else 0; NaN where they
    are not finite.

    Arguments:
        classes: whether answers are logits, of which a constant common to a query says nothing.
    """
    both = ~(answers.isneginf() & again.isneginf()).flatten(0, 1).all(0)  # classes that there are
    answers, again = answers[..., both].double(), again[..., both].double()
    size = answers.square().mean((1, 2)).sqrt()
    if classes:
        answers, again = (x - x.mean(-1, keepdim=True) for x in (answers, again))
    spread = (answers - answers.mean(1, keepdim=True)).square().mean((1, 2)).sqrt()
    gap = (answers - again).abs().amax((1, 2))
    beyond = (gap > torch.maximum(SEEN * spread, ROUNDING * size)).double()
    return torch.where(gap.isfinite(), beyond, math.nan)


def judged(
    measured: dict[str, Tensor],
    higher_is_better: bool,
    shared_images: int | None = None,
) -> dict[str, Any]:
    """The stamps, and the numbers behind them, as `results.json` keeps them.

    Arguments:
        measured: `(T,)` values by name, from `innerloop.evaluation.audit`; `ways`, the classes of a
            task, is missing for real targets.
        shared_images: how many images of the test are in the training too; None if not known.
    """
    sign = 1.0 if higher_is_better else -1.0
    score = measured["score"]
    alone, moved, noticed, again, memory, images = (
        _share(measured.get(name))
        for name in ("alone", "queries", "labels", "again", "memory", "images")
    )
    shuffled = None
    if "shuffled" in measured:  # else no label may be disturbed
        shuffled = significance.worse(score, measured["shuffled"], sign)
    reordered = significance.worse(score, measured["reordered"], sign)
    found: dict[str, Any] = {
        "tasks": len(score),
        "level": LEVEL,
        "score": float(score.double().mean()),
        "queries_alone": {"changed": alone},
        "queries_reordered": {"changed": moved},
        "labels_shuffled": shuffled and {"changed": noticed, **shuffled},
        "support_reordered": reordered,
        "asked_again": {"changed": again, "changed_by_other_tasks": memory},
        "test_images_held": {"tasks": images},
        "shared_images": shared_images,
    }
    if (reported := measured.get("reported")) is not None:
        found["reported"] = significance.worse(reported, score, sign) | {
            "mean": float(reported.double().mean()), "checked": not bool(reported.isnan().all())
        }  # fmt: skip
    before, renamed = None, None
    if "ways" in measured:
        chance = 1 / measured["ways"]
        before = found["not_adapted"] = significance.against_chance(measured["before"], chance)
        renamed = found["relabelled"] = significance.worse(score, measured["relabelled"], sign) | {
            "spread": significance.spread(score, measured["relabelled"])
        }
    steady = not _often(again)
    found["stamps"] = [
        *(_of_queries(alone) if steady else _of_memory(memory)),
        *_of_order(moved if steady else None, reordered),
        *_of_support(noticed, shuffled),
        *_of_names(before, renamed),
        *_of_test(found.get("reported"), images, shared_images),
    ]
    return found


def in_words(audits: Iterable[dict[str, Any] | None]) -> str:
    """The stamps of a run, or of all seeds of a setting, for a table; empty without an audit."""
    kept = [audit for audit in audits if audit]
    stamps = list(dict.fromkeys(stamp for audit in kept for stamp in audit["stamps"]))
    spreads = [a["relabelled"]["spread"] for a in kept if "relabelled" in a]
    if any(spread is not None for spread in spreads):
        widest = max(spread for spread in spreads if spread is not None)
        stamps.append(f"label order ±{100 * widest:.2g} %")
    few = min((audit["tasks"] for audit in kept), default=FEWEST)
    if few < FEWEST:
        stamps.append(f"{few} tasks, too few for more")
    return ", ".join(stamps)


def _of_queries(alone: float | None) -> list[str]:
    return [] if alone is None else ["transductive" if _often(alone) else "inductive"]


def _of_memory(memory: float | None) -> list[str]:
    return ["remembers other tasks" if _often(memory) else "answers change when asked again"]


def _of_order(moved: float | None, reordered: dict[str, Any]) -> list[str]:
    leaks = _often(moved) or reordered["p"] < LEVEL
    return ["labels leaked by order"] if leaks else []


def _of_support(noticed: float | None, shuffled: dict[str, Any] | None) -> list[str]:
    if shuffled is None:
        return []
    if noticed is not None and noticed <= RARELY:
        return ["ignores its support"]
    if shuffled["p"] < LEVEL:
        return ["uses its support"]
    return ["support not shown to help"] if shuffled["tasks"] >= FEWEST else []


def _of_names(before: dict[str, Any] | None, renamed: dict[str, Any] | None) -> list[str]:
    if before is None or renamed is None:
        return []
    at_chance = before["p"] >= LEVEL
    stamps = [f"{'at' if at_chance else 'not at'} chance before adapting"]
    stamps = stamps if before["tasks"] >= FEWEST else []
    return [*stamps, "class identity learned"] if renamed["p"] < LEVEL else stamps


def _of_test(
    reported: dict[str, Any] | None, images: float | None, shared: int | None
) -> list[str]:
    stamps = {
        "test score not checked": reported and not reported["checked"],
        "test score not confirmed": reported and reported["p"] < LEVEL,
        "holds test images": images,
        "training and test share images": shared,
    }
    return [stamp for stamp, found in stamps.items() if found]


def _often(share: float | None) -> bool:
    return share is not None and share > RARELY


def _share(flags: Tensor | None) -> float | None:
    if flags is None:
        return None
    known = flags[~flags.isnan()]
    return float(known.mean()) if len(known) else None
