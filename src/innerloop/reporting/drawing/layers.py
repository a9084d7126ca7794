"""What adaptation did inside: losses by step, and how much each layer changed."""

from typing import Any

import numpy as np

from innerloop.reporting.drawing.style import BLUE, ORANGE, plain


def losses(axis: Any, found: dict[str, Any], unit: str) -> None:
    """Loss of support and query after every inner step, with 95% intervals over tasks.

    Arguments:
        found: what `innerloop.inspection.diagnostics` measured.
    """
    for name, colour, line in (("support", BLUE, "o-"), ("query", ORANGE, "s--")):
        entries = [v for k, v in found.items() if k.startswith(f"{name}_loss/")]
        mean, half = (np.array([e[key] for e in entries]) for key in ("mean", "ci95"))
        axis.errorbar(range(len(mean)), mean, half, fmt=line, color=colour, capsize=3,
                      markersize=4, label=name)  # fmt: skip
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.set(xlabel="inner step", ylabel=f"loss ({unit})" if unit else "loss")
    axis.set_title(f"{entries[0]['tasks']} test tasks", fontsize=10)
    axis.legend(fontsize=7)


def layers(axis: Any, found: dict[str, Any], what: str, label: str) -> None:
    """`cka` or `update` of every layer, the first on top, with 95% intervals over tasks."""
    mine = {k.split("/", 1)[1]: v for k, v in found.items() if k.startswith(f"{what}/")}
    mean, half = (np.array([e[key] for e in mine.values()]) for key in ("mean", "ci95"))
    places = np.arange(len(mine))[::-1]
    axis.errorbar(mean, places, xerr=half, fmt="o", color=BLUE, capsize=3, markersize=5)
    axis.set_yticks(places, [plain(name) for name in mine], fontsize=7)
    axis.grid(axis="x", alpha=0.3)
    axis.set_title("each layer, 95% over tasks", fontsize=10)
    axis.set(xlabel=label, ylabel="layer", ylim=(-0.5, len(mine) - 0.5))
    if what == "cka":
        axis.set_xlim(right=1.02)
    else:
        axis.set_xlim(left=-0.02 * max(mean[np.isfinite(mean)], default=1.0) or -1e-9)
