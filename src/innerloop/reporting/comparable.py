"""Checks that runs may be compared: one setting on each side, and the same protocol."""

import shlex
from collections.abc import Mapping, Sequence

from innerloop.errors import UserError, visible
from innerloop.reporting.finished import Finished
from innerloop.startup import places
from innerloop.startup.keys import Role, role

SAME = (
    "algorithm", "dataset", "trained_on", "encoder", "model", "experiment", "norm", "episode",
    "outer", "training", "init_from", "distil_from",
)  # fmt: skip
PROTOCOL = (
    "dataset", "episode.test.ways", "episode.test.shots", "episode.test.queries",
    "protocol.split", "protocol.tasks", "protocol.seed", "protocol.selected_by",
    "protocol.scored_step", "protocol.hash",
)  # fmt: skip
UNSTATED = ("protocol.seed", "protocol.selected_by", "protocol.scored_step")  #: may be None
TESTED_BY = {  #: keys of evaluate.py that give a test the protocol of another
    "dataset": "dataset",
    "episode.test.ways": "episode.test.ways",
    "episode.test.shots": "episode.test.shots",
    "episode.test.queries": "episode.test.queries",
    "protocol.tasks": "evaluation.tasks",
    "protocol.seed": "evaluation.seed",
    "protocol.scored_step": "evaluation.scored_step",
}


def check_same_setting(
    argument: str, first: Finished, second: Finished, keys: Sequence[str] = SAME
) -> None:
    """Raises `UserError` if two runs differ in their setting.

    Arguments:
        argument: the word of the command line that selects them.
        keys: `SAME`, or some of it.
    """
    configured = keys == SAME and bool(first.configuration and second.configuration)
    ours, theirs = (_setting(run, keys, configured) for run in (first, second))
    for key in dict.fromkeys([*ours, *theirs]):
        if ours.get(key) != theirs.get(key):
            values = ours.get(key), theirs.get(key)
            raise UserError(
                f"{argument!r} matches different settings: {key} is {_short(values[0])} in "
                f"{first.folder} and {_short(values[1])} in {second.folder}.\n"
                f"To compare them: {_compare(*(f'{argument} {key}={_short(v)}' for v in values))}"
            )


def check_same_protocol(first: Finished, second: Finished) -> None:
    """Raises `UserError` if two tests have different protocols; it gives the command that helps."""
    differing = differences_of_protocol(first, second)
    if not differing:
        return
    listed = ", ".join(f"{key} is {_short(a)} and {_short(b)}" for key, (a, b) in differing.items())
    both = f"{first.folder} and {second.folder}"
    raise UserError(f"{both} cannot be compared: {listed}.\n{_mended(first, second, differing)}")


def differences_of_protocol(first: Finished, second: Finished) -> dict[str, tuple[object, object]]:
    """The keys in which the protocols of two tests differ, with both values; empty if they agree.

    A learner without inner steps has no scored step; it may be compared at any scored step. A score
    file of another library need not say how its checkpoint was chosen; its hash names its tasks.
    Batch norms may differ: tables name them.
    """
    pairs = {key: (first.get(key), second.get(key)) for key in PROTOCOL}
    pairs["metric"] = (first.metric.name, second.metric.name)
    for key in UNSTATED:
        if None in pairs[key]:
            del pairs[key]
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def _mended(
    first: Finished, second: Finished, differing: Mapping[str, tuple[object, object]]
) -> str:
    """The command that tests one of the two as the other was, and compares them."""
    final = [key for key in differing if key not in (*TESTED_BY, "protocol.hash")]
    if final:
        return f"Tests with another {' and '.join(final)} cannot be paired."
    if not second.is_run:
        if not first.is_run:
            return "Neither is a run that could be tested as the other was."
        first, second = second, first
        differing = {key: (b, a) for key, (a, b) in differing.items()}
    changes = [f"{TESTED_BY[k]}={_short(a)}" for k, (a, _) in differing.items() if k in TESTED_BY]
    again = f"{second.folder}_again"
    words = [f"ckpt_path={second.folder}", *changes, f"hydra.run.dir={again}"]
    test = shlex.join([*places.program("evaluate"), *words])
    return f"To test {second.name} as {first.name}: {test} && {_compare(first.folder, again)}"


def _compare(*runs: object) -> str:
    return shlex.join([*places.program("compare"), *map(str, runs)])


def _setting(run: Finished, keys: Sequence[str], configured: bool) -> dict[str, object]:
    """The values of a run that make its setting, by dotted key.

    Arguments:
        configured: whether those of its configuration are included.
    """
    values = {k: v for k, v in run.values.items() if k.split(".")[0] in keys}
    if configured:
        values |= {k: v for k, v in run.configuration.items() if Role.RESULT in role(k)}
    return values


def _short(value: object) -> str:
    """A value as messages show it."""
    return visible(value, 80)
