"""A comparison as a figure: paired differences, and the scores against minutes of training."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from innerloop.objectives import Metric
from innerloop.reporting.comparison import SEEDS
from innerloop.reporting.comparison_record import (
    ComparisonRecord,
    DifferenceRecord,
    SideRecord,
)
from innerloop.reporting.comparison_table import heading
from innerloop.reporting.drawing.style import (
    BLUE,
    GREY,
    ORANGE,
    canvas,
    entitle,
    headroom,
    label,
    look,
    plain,
    printed,
    save,
)
from innerloop.reporting.numbers import mean_and_half

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAMED = 4  #: sides whose result the title names


def draw(comparisons: Sequence[ComparisonRecord], file: Path) -> list[Path]:
    """Draws each comparison; further ones get a number. Returns the PNG files.

    Arguments:
        file: the first file; PDF and SVG are written beside it.
    """
    place = file.with_suffix("") if file.suffix in (".png", ".pdf", ".svg") else file
    saved = []
    for number, comparison in enumerate(comparisons, 1):
        with printed():
            figure = comparison_figure(comparison)
        name = place.name if number == 1 else f"{place.name}-{number}"
        saved.append(save(figure, place.with_name(name)))
    return saved


def comparison_figure(comparison: ComparisonRecord) -> "Figure":
    """The differences of all pairs, beside accuracy against minutes where the minutes are known."""
    sides, pairs = comparison["runs"], comparison["differences"]
    timed = [side for side in sides if side["minutes"] is not None]
    panels = [draw for draw, known in ((differences, pairs), (against_minutes, timed)) if known]
    height = max(2.4, 1.0 + 0.3 * len(pairs))
    figure, axes = canvas(max(1, len(panels)), height=height)
    for axis, draw in zip(axes, panels, strict=False):
        draw(axis, comparison)
    entitle(figure, _found(comparison))
    return figure


def _found(comparison: ComparisonRecord) -> str:
    """What was compared on what, and the results of the first sides."""
    metric, sides = Metric(**comparison["metric"]), comparison["runs"]
    scores = [f"{s['name']} {mean_and_half(s['mean'], _half(s), metric)}" for s in sides[:NAMED]]
    more = f" and {len(sides) - NAMED} more" if len(sides) > NAMED else ""
    better = "higher" if metric.higher_is_better else "lower"
    return (
        f"{heading(comparison)}: {metric.name} {', '.join(scores)}{more}; {better} is better, bars "
        "are 95% intervals"
    )


def differences(axis: "Axes", comparison: ComparisonRecord) -> None:
    """Each difference with its 95% interval over tasks, and over seeds where there are three."""
    metric, pairs = Metric(**comparison["metric"]), comparison["differences"]
    places = np.arange(len(pairs))[::-1]
    mean = metric.scale * np.array([pair["mean"] for pair in pairs])
    kinds = ("ci95", "over tasks", BLUE, 0.1), ("ci95_seeds", "over seeds", ORANGE, -0.1)
    for key, name, colour, shift in kinds:
        half = np.array([np.nan if pair[key] is None else pair[key] for pair in pairs])  # type: ignore[literal-required]
        known = ~np.isnan(half)
        if known.any():
            at = mean[known], places[known] + shift
            axis.errorbar(
                *at, xerr=metric.scale * half[known], fmt="o", color=colour, capsize=2, label=name
            )
    axis.axvline(0, color=GREY, linestyle=":")
    names = [plain(side["name"]) for side in comparison["runs"]]
    axis.set_yticks(places, [_pair(names, pair) for pair in pairs])
    axis.set(xlabel=f"paired difference in {label(metric)}", ylim=(-0.6, len(pairs) - 0.4))
    axis.legend()


def _pair(names: Sequence[str], pair: DifferenceRecord) -> str:
    """The names of both sides, and how sure their difference is."""
    p = pair["p_holm"]
    sure = "" if p is None else "\np < 0.001" if p < 0.001 else f"\np = {p:.2g}"
    return f"{names[pair['first']]}\n- {names[pair['second']]}{sure}"


def against_minutes(axis: "Axes", comparison: ComparisonRecord) -> None:
    """The mean of each side by minutes of training, with its interval over seeds where there are
    three, else over tasks."""
    metric = Metric(**comparison["metric"])
    for number, side in enumerate(comparison["runs"]):
        if side["minutes"] is None:
            continue
        half, style = metric.scale * (_half(side) or 0.0), look(number)
        axis.errorbar(
            side["minutes"], metric.scale * side["mean"], half, fmt=style["marker"],
            color=style["color"], capsize=2, label=plain(side["name"]),
        )  # fmt: skip
    axis.set(xlabel="minutes of training", ylabel=f"test {label(metric)}")
    axis.set_xlim(0, 1.1 * axis.dataLim.x1)
    headroom(axis)
    axis.legend()


def _half(side: SideRecord) -> float | None:
    """Half of the interval over seeds where there are three, else over tasks."""
    return side["ci95_seeds"] if len(side["seeds"]) >= SEEDS else side["ci95"]
