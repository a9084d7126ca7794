"""The tables and figures of docs/performance.md, from the files in `benchmarks/results/`."""

import json
from pathlib import Path
from typing import Any

from benchmarks import pictures
from benchmarks.workloads import WORKLOADS

ROOT = Path(__file__).resolve().parents[1]
START, END = "<!-- performance: make bench -->\n", "\n<!-- end of performance -->"
BARS = (*WORKLOADS, "sampling", "memory", "processes", "startup")
NAMES = {
    "engine": "innerloop", "fit": "innerloop, `Trainer.fit`", "torchopt": "TorchOpt",
    "plain": "plain loop", "jax": "JAX", "learn2learn_protonet": "learn2learn",
}  # fmt: skip
SPEED = ("engine", "learn2learn", "higher", "torchopt", "plain", "jax")


def load(folder: Path) -> dict[str, Any]:
    """The results by part."""
    parts = (*BARS, "scaling", "anatomy", "gpu", "precision")
    files = {part: folder / f"{part}.json" for part in parts}
    return {part: json.loads(file.read_text()) for part, file in files.items() if file.exists()}


def write(folder: Path) -> None:
    """Writes the figures into the folder of the results, and the tables into the two pages."""
    pictures.draw(load(folder), folder)
    for file, text in documents(load(folder)).items():
        file.write_text(text)


def documents(results: dict[str, Any]) -> dict[Path, str]:
    """The text that each page must have."""
    parts = (table, startup, peers, anatomy, roofline, precision, gpu, machine)
    whole = "\n\n".join(filter(None, [part(results) for part in parts]))
    pages = {}
    for file, text in ((ROOT / "README.md", table(results)), (ROOT / "docs/performance.md", whole)):
        before, rest = file.read_text().split(START)
        pages[file] = before + START + text + END + rest.split(END)[1]
    return pages


def table(results: dict[str, Any]) -> str:
    """Every target: innerloop's figure, the one it is compared with, and their ratio."""
    rows = [["workload", "ours", "held to", "ratio", "bar"]]
    for part in BARS:
        if part in results:
            rows.append(_bar(results[part]))
    return _markdown(rows)


def _bar(entry: dict[str, Any]) -> list[str]:
    ours, theirs = list(entry["contenders"])[:2]
    ratio = entry["contenders"][theirs]["value"] / entry["contenders"][ours]["value"]
    if "at_least" in entry:
        met, bar = ratio >= entry["at_least"], f"at least {entry['at_least']}x"
    else:
        ratio = 1 / ratio
        met, bar = ratio <= entry["at_most"], f"at most {entry['at_most']}x"
    shown = f"{ratio:.3g}x" if met else f"**{ratio:.3g}x**, missed"
    return [entry["title"], _value(entry, ours), _value(entry, theirs), shown, bar]


def startup(results: dict[str, Any]) -> str:
    """How long the command line takes to answer."""
    contenders = results.get("startup", {}).get("contenders", {})
    answers = [
        f"{name} in {contenders[name]['value']:.2f} s"
        for name in ("--help", "shell completion")
        if name in contenders
    ]
    return f"The command line answers {' and '.join(answers)} (bar: 1.5 s)." if answers else ""


def peers(results: dict[str, Any]) -> str:
    """Milliseconds of a step for every contender, and the engine that innerloop chose."""
    rows = [["milliseconds a step", *[NAMES.get(n, n) for n in SPEED], "how ours ran"]]
    for part in WORKLOADS:
        contenders = results.get(part, {}).get("contenders", {})
        if "higher" in contenders:
            cells = [f"{contenders[n]['value']:.3g}" if n in contenders else "-" for n in SPEED]
            rows.append([results[part]["title"], *cells, contenders["engine"]["how"]])
    return _markdown(rows)


def anatomy(results: dict[str, Any]) -> str:
    """The time of each part of a small network's step."""
    times = results.get("anatomy", {}).get("parts", {})
    rows = [["milliseconds of", *[WORKLOADS[name].title for name in times]]]
    for part in next(iter(times.values()), ()):
        rows.append([part, *[f"{times[name][part]:.3f}" for name in times]])
    return _markdown(rows) if times else ""


def roofline(results: dict[str, Any]) -> str:
    """The speed of a step as a share of the speed of a large matrix product."""
    rows = [["workload", "GFLOP a step", "matmul GFLOP/s", "ours", "learn2learn"]]
    for part in WORKLOADS:
        entry = results.get(part)
        if entry and "engine" in entry["contenders"] and part != "fit_1":
            least = 1e3 * entry["flop"] / entry["matmul_flop_per_s"]
            shares = [least / list(entry["contenders"].values())[i]["value"] for i in (0, 1)]
            rows.append([
                entry["title"], f"{entry['flop'] / 1e9:.3g}",
                f"{entry['matmul_flop_per_s'] / 1e9:.0f}", *[f"{100 * s:.0f} %" for s in shares],
            ])  # fmt: skip
    return _markdown(rows)


def precision(results: dict[str, Any]) -> str:
    """The effect of autocast on the accuracy, from `src/compare.py --json`."""
    comparison = results.get("precision")
    if not comparison:
        return ""
    rows = [["precision", f"{comparison['metric']}, mean over seeds", "seeds", "command of a seed"]]
    for run in comparison["runs"]:
        mean = f"{100 * run['mean']:.2f} ± {100 * run['ci95_seeds']:.2f} %"
        seeds, command = len(run["seeds"]), run["commands"][0]
        rows.append([run["name"].split("=")[1], mean, str(seeds), f"`{command}`"])
    (difference,) = comparison["differences"]
    gap, ci95 = 100 * difference["mean"], 100 * difference["ci95_seeds"]
    return f"{_markdown(rows)}\n\nTheir difference is {gap:+.2f} ± {ci95:.2f} % over seeds."


ON_A_GPU = {  # title, and how many times as fast as learn2learn it must be
    "miniimagenet, 4 tasks": ("MAML, Conv4-32, 84x84, 4 tasks, 5 inner steps", 20),
    "omniglot, 4 tasks": ("MAML, Conv4-64, 28x28, 4 tasks, 1 inner step", 10),
    "omniglot, 32 tasks": ("MAML, Conv4-64, 28x28, 32 tasks, 1 inner step", 80),
    "sinusoid_5, 25 tasks": ("MAML, sinusoid, 25 tasks, 5 inner steps", 300),
}


def gpu(results: dict[str, Any]) -> str:
    """The targets on a GPU, and what was measured."""
    figures, missing = results.get("gpu"), "not measured"
    rows = [["on a GPU", "measured", "bar"]]
    for workload, (title, bar) in ON_A_GPU.items():
        pair = figures and figures["ms"][workload]
        shown = f"{pair['learn2learn'] / pair['innerloop']:.3g}x" if pair else missing
        rows.append([f"{title}, against learn2learn", shown, f"at least {bar}x"])
    minutes = f"{figures['long_minutes']:.1f} minutes" if figures else missing
    rows.append(["60,000 outer steps of miniImageNet 5-way 1-shot", minutes, "under 15 minutes"])
    busy = f"{100 * figures['busy']:.0f} %" if figures else missing
    rows.append(["GPU busy", busy, "above 90 %"])
    return _markdown(rows)


def machine(results: dict[str, Any]) -> str:
    """The machines that the results were measured on."""
    described = {json.dumps(entry["machine"], sort_keys=True): entry["machine"]
                 for entry in results.values() if "machine" in entry}  # fmt: skip
    return "\n".join(_machine(each) for each in described.values())


def _machine(each: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in each["versions"].items())
    chips = [f"{each['processor']} ({each['cores']} cores)", *filter(None, [each["gpu"]])]
    return f"Measured on: {', '.join(chips)}; {versions}."


def _value(entry: dict[str, Any], name: str) -> str:
    return f"{NAMES.get(name, name)} {entry['contenders'][name]['value']:.3g} {entry['unit']}"


def _markdown(rows: list[list[str]]) -> str:
    rows = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    write(ROOT / "benchmarks" / "results")
