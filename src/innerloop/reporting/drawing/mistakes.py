"""Where a classifier errs: accuracy by class, confusion of classes, and reliability."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from innerloop.evaluation.answered import Answered
from innerloop.evaluation.pooled import ClassAccuracy
from innerloop.objectives import BINS
from innerloop.reporting.drawing.style import BLUE, GREY, headroom, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEW = 10  #: with fewer queries, a bin of confidence has no share of right answers
MOST = 20  #: classes that are drawn, those of lowest accuracy


def hardest(accuracy: Mapping[str, float]) -> list[str]:
    """At most `MOST` classes, that of lowest accuracy first."""
    return sorted(accuracy, key=lambda name: accuracy[name])[:MOST]


def by_class(axis: "Axes", per_class: Mapping[str, ClassAccuracy]) -> None:
    """The accuracy of each class over all tasks that have it, with its 95% interval.

    Arguments:
        per_class: by the name of the class.
    """
    names = hardest({name: entry["accuracy"] for name, entry in per_class.items()})
    places, own = np.arange(len(names)), [per_class[name] for name in names]
    half = [100 * (entry["ci95"] or 0.0) for entry in own]
    mean = [100 * entry["accuracy"] for entry in own]
    axis.errorbar(mean, places, xerr=half, fmt="o", color=BLUE, capsize=2)
    axis.set_yticks(places, [plain(name) for name in names])
    axis.invert_yaxis()
    axis.grid(axis="x", alpha=0.3)
    which = "" if len(names) == len(per_class) else f" of the {len(names)} hardest classes"
    axis.set(xlabel=f"test accuracy{which} (%), 95% intervals", ylabel="class", xlim=(0, 101))


def confusion(axis: "Axes", answered: Answered, accuracy: Mapping[str, float]) -> None:
    """How often a class is taken for another, among the queries whose task has both."""
    numbers, shares = answered.confusion()
    names = [answered.names[n] if answered.names else str(n) for n in numbers]
    kept = [names.index(name) for name in hardest(accuracy) if name in names]
    shown = 100 * shares[np.ix_(kept, kept)]
    image = axis.imshow(shown, cmap="Blues", vmin=0, vmax=100)
    labels = [plain(names[i]) for i in kept]
    axis.set_xticks(range(len(kept)), labels, rotation=90)
    axis.set_yticks(range(len(kept)), labels)
    axis.set(xlabel="predicted", ylabel="true")
    axis.figure.colorbar(image, ax=axis, label="% of queries", shrink=0.8)


def reliability(axis: "Axes", answered: Answered, error: float | None) -> None:
    """The share of right answers by confidence; a calibrated learner is on the diagonal.

    Arguments:
        error: expected calibration error over all test tasks; None if not known.
    """
    confidence, right, sizes = answered.bins(BINS)
    axis.plot([0, 100], [0, 100], ":", color=GREY, label="calibrated")
    many = sizes >= FEW
    half = 196 * np.sqrt(right * (1 - right) / sizes)
    x, y, half = 100 * confidence[many], 100 * right[many], half[many]
    axis.errorbar(x, y, half, fmt="o-", color=BLUE, capsize=2, label="learner, 95% interval")
    shares = 100 * sizes / sizes.sum()
    axis.bar(100 * confidence, shares, 4, color=GREY, alpha=0.4, label="share of queries")
    axis.set(xlabel="confidence (%)", ylabel="right answers (%)", xlim=(0, 101), ylim=(0, 101))
    headroom(axis)
    axis.set_yticks(range(0, 101, 20))
    title = f"{sizes.sum():,} test queries"
    axis.set_title(title if error is None else f"{title}, calibration error {100 * error:.1f} %")
    axis.legend(loc="upper left")
