"""The paired differences within a table of methods, from the score files that are kept of it."""

from pathlib import Path

from innerloop.evaluation import schema, score_file
from innerloop.evaluation.comparison import paired
from innerloop.evaluation.schema import Results
from innerloop.machine.mappings import read_json
from innerloop.reporting import score_bank
from innerloop.reporting.field import PAIRED, Behind


def differences(kept: Path) -> dict[str, object]:
    """The paired difference of each member to the best one that was tested on the same tasks.

    Where the scores of both are not kept, the difference stays that was taken earlier to the same
    best member: one that is run again brings its scores, and has new differences.

    Arguments:
        kept: the folder with a file of results and a score file for each member.
    """
    earlier: Behind = read_json(kept / PAIRED) if (kept / PAIRED).is_file() else {}
    tests: dict[str, dict[str, Results]] = {}
    for file in sorted(kept.glob("*.json")):
        if file.name != PAIRED:
            results = schema.read(read_json(file), file)
            tests.setdefault(results.protocol.hash, {})[file.stem] = results
    behind: dict[str, object] = {}
    for same in tests.values():
        best = _best(same)
        for label in same:
            entry = _difference(kept, label, best)
            if entry is None and not _scores(kept, best).is_file():
                entry = _unless_outdated(earlier.get(label), best)
            if label != best and entry is not None:
                behind[label] = entry
    return behind


def _best(tests: dict[str, Results]) -> str:
    sign = 1 if next(iter(tests.values())).metric.higher_is_better else -1
    means = {label: results.headline.mean for label, results in tests.items()}
    finite = {label: mean for label, mean in means.items() if mean is not None}
    return max(finite or tests, key=lambda label: sign * (means[label] or 0.0))


def _scores(kept: Path, label: str) -> Path:
    return kept / f"{label}{score_file.SUFFIX}"


def _difference(kept: Path, label: str, best: str) -> dict[str, object] | None:
    """The difference of two members, if the scores of both are kept."""
    files = [_scores(kept, name) for name in (label, best)]
    if not all(file.is_file() for file in files):
        return None
    first, second = (score_bank.read(file).scores for file in files)
    return {"best": best, **paired(first, second)._asdict()}


def _unless_outdated(entry: object, best: str) -> dict[str, object] | None:
    return entry if isinstance(entry, dict) and entry.get("best") == best else None
