"""Checks that runs may be compared: one setting on each side, and the same protocol."""

from collections.abc import Sequence

from innerloop.errors import UserError, visible
from innerloop.reporting.finished import Finished
from innerloop.startup.keys import Role, role

SAME = (
    "algorithm", "dataset", "trained_on", "encoder", "model", "experiment", "norm", "episode",
    "outer", "training", "init_from", "distil_from",
)  # fmt: skip
PROTOCOL = (
    "dataset", "episode.test.ways", "episode.test.shots", "episode.test.queries", "norm",
    "protocol.split", "protocol.tasks", "protocol.seed", "protocol.selected_by",
    "protocol.scored_step", "protocol.hash",
)  # fmt: skip


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
            raise UserError(
                f"{argument!r} matches different settings: {key} is {_short(ours.get(key))} in "
                f"{first.folder} and {_short(theirs.get(key))} in {second.folder}.\n"
                f"Narrow it, as with {key}={_short(theirs.get(key))}, or give folders."
            )


def check_same_protocol(first: Finished, second: Finished) -> None:
    """Raises `UserError` if two tests have different protocols.

    A learner without inner steps has no scored step; it may be compared at any scored step.
    """
    pairs = {key: (first.get(key), second.get(key)) for key in PROTOCOL}
    pairs["metric"] = (first.metric.name, second.metric.name)
    if None in pairs["protocol.scored_step"]:
        del pairs["protocol.scored_step"]
    differing = {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}
    if not differing:
        return
    listed = ", ".join(f"{key} is {_short(a)} and {_short(b)}" for key, (a, b) in differing.items())
    advice = (
        "Batch norm is part of the protocol: train both with the same norm=."
        if "norm" in differing
        else "Test one as the other was: python src/evaluate.py ckpt_path=RUN KEY=VALUE"
    )
    raise UserError(f"{first.folder} and {second.folder} cannot be compared: {listed}.\n{advice}")


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
