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

    A member of which no scores are kept has the difference that was taken earlier, as long as it
    is to the member that is still the best.

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
            entry = _difference(kept, label, best) or _unless_outdated(earlier.get(label), best)
            if label != best and entry is not None:
                behind[label] = entry
    return behind


def _best(tests: dict[str, Results]) -> str:
    sign = 1 if next(iter(tests.values())).metric.higher_is_better else -1
    means = {label: results.headline.mean for label, results in tests.items()}
    finite = {label: mean for label, mean in means.items() if mean is not None}
    return max(finite or tests, key=lambda label: sign * (means[label] or 0.0))


def _difference(kept: Path, label: str, best: str) -> dict[str, object] | None:
    """The difference of two members, if the scores of both are kept."""
    files = [kept / f"{name}{score_file.SUFFIX}" for name in (label, best)]
    if not all(file.is_file() for file in files):
        return None
    first, second = (score_bank.read(file).scores for file in files)
    return {"best": best, **paired(first, second)._asdict()}


def _unless_outdated(entry: object, best: str) -> object | None:
    return entry if isinstance(entry, dict) and entry.get("best") == best else None
