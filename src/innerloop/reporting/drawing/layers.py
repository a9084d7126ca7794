"""The losses by inner step, and how much each layer changed."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from innerloop.inspection.diagnostics import Entries
from innerloop.reporting.drawing.style import BLUE, ORANGE, headroom, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def losses(axis: "Axes", entries: Entries, unit: str) -> None:
    """Loss of support and query after every inner step, with 95% intervals over tasks.

    Arguments:
        entries: the measurements of `innerloop.inspection.diagnostics`.
        unit: unit of the loss.
    """
    for name, colour, line in (("support", BLUE, "o-"), ("query", ORANGE, "s--")):
        by_step = [entry for key, entry in entries.items() if key.startswith(f"{name}_loss/")]
        mean, half = (np.array([entry[key] for entry in by_step]) for key in ("mean", "ci95"))
        x = range(len(mean))
        axis.errorbar(x, mean, half, fmt=line, color=colour, capsize=2, label=name)
    axis.locator_params(axis="x", integer=True)
    axis.set(xlabel="inner step", ylabel=f"loss ({unit})" if unit else "loss")
    axis.set_title(f"{by_step[0]['tasks']} test tasks, 95% intervals")
    headroom(axis)
    axis.legend()


def layers_of(entries: Entries, what: Sequence[str]) -> list[str]:
    """The layers of which at least one of these quantities is known, the first layer first."""
    keys = [key.split("/", 1) for quantity in what for key in entries if key.startswith(quantity)]
    return list(dict.fromkeys(layer for quantity, layer in keys if quantity in what))


def layers(
    axis: "Axes", entries: Entries, what: str, label: str, names: Sequence[str], named: bool
) -> None:
    """A quantity of every layer, the first layer on top, with 95% intervals over tasks.

    Arguments:
        entries: the measurements of `innerloop.inspection.diagnostics`.
        what: `cka` or `update`.
        label: the quantity in words.
        names: the layers of the axis, which panels beside each other share.
        named: whether this panel names them.
    """
    own = {name: entries[f"{what}/{name}"] for name in names if f"{what}/{name}" in entries}
    mean, half = (np.array([entry[key] for entry in own.values()]) for key in ("mean", "ci95"))
    places = [len(names) - 1 - names.index(name) for name in own]
    axis.errorbar(mean, places, xerr=half, fmt="o", color=BLUE, capsize=2)
    shown = [plain(name) if named else "" for name in reversed(names)]
    axis.set_yticks(range(len(names)), shown)
    axis.grid(alpha=0.3)
    axis.set(xlabel=label, ylim=(-0.5, len(names) - 0.5))
    if what == "cka":
        axis.set_xlim(right=1.02)
    else:
        axis.set_xlim(left=-0.02 * max(mean[np.isfinite(mean)], default=1.0) or -1e-9)
