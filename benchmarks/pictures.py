"""The figures of docs/performance.md: the speed of all contenders, and how time and memory grow."""

from pathlib import Path
from typing import Any

NAMES = {
    "engine": "innerloop", "checkpointed": "innerloop, engine.checkpoint=true",
    "plain": "plain loop", "torchopt": "TorchOpt", "jax": "JAX",
}  # fmt: skip
AXES = {"outer.tasks": "tasks per batch", "inner.steps": "inner steps", "episode.shots": "shots"}


def draw(results: dict[str, Any], folder: Path) -> None:
    """Writes `speed.png` and `scaling.png`, if their results exist."""
    import matplotlib

    matplotlib.use("Agg")
    speeds = {n: entry for n, entry in results.items() if "higher" in entry.get("contenders", {})}
    if speeds:
        _speed(speeds, folder / "speed.png")
    if "scaling" in results:
        _scaling(results["scaling"]["curves"], folder / "scaling.png")


def _speed(results: dict[str, Any], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure((9, 0.8 + 1.6 * len(results)), layout="constrained")
    for axis, entry in zip(figure.subplots(len(results), squeeze=False)[:, 0], results.values(),
                           strict=True):  # fmt: skip
        contenders = entry["contenders"]
        names = [NAMES.get(n, n) for n in contenders]
        base = contenders["learn2learn"]["value"]
        speeds = [base / each["value"] for each in contenders.values()]
        bars = axis.barh(names, speeds, color=["C1" if n == "innerloop" else "C0" for n in names])
        axis.bar_label(bars, [f" {s:.2g}x" for s in speeds])
        axis.invert_yaxis()
        axis.margins(x=0.12)
        axis.set_title(f"{entry['title']}: speed against learn2learn", fontsize=9)
    figure.savefig(path, dpi=80)


def _scaling(curves: dict[str, Any], path: Path) -> None:
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator

    figure = Figure((9, 5), layout="constrained")
    grid = figure.subplots(2, len(curves), sharex="col")
    for column, (axis, contenders) in enumerate(curves.items()):
        for row, (key, label) in enumerate((("ms", "milliseconds a step"), ("mb", "peak MB"))):
            plot = grid[row][column]
            for name, points in contenders.items():
                places = [point["at"] for point in points]
                plot.plot(places, [p[key] for p in points], "o-", label=NAMES.get(name, name))
            plot.set(xscale="log", yscale="log", xticks=places, xticklabels=places)
            plot.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            plot.yaxis.set_major_formatter("{x:g}")
            plot.minorticks_off()
            plot.grid(alpha=0.3)
            if column == 0:
                plot.set_ylabel(label)
        grid[1][column].set_xlabel(AXES[axis])
    lines, names = grid[0][0].get_legend_handles_labels()
    figure.legend(lines, names, loc="outside upper center", ncols=len(names))
    figure.savefig(path, dpi=80)
