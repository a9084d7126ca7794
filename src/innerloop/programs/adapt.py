"""The program adapt.py: adapts a trained learner to labelled images, and labels others."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field

from innerloop.data.labelled import Support, query_of, support_of
from innerloop.errors import UserError
from innerloop.experiment.trained import Trained, load
from innerloop.layers import norm
from innerloop.machine import lock
from innerloop.machine.writable import check_writable
from innerloop.programs.answers import Answers
from innerloop.programs.prediction import predict
from innerloop.startup import resolvers
from innerloop.startup.arguments import Arguments, Flag, Folder


class AdaptArguments(Arguments):
    """Arguments of adapt.py."""

    ckpt_path: Annotated[str, Field(description="a run's folder, or a .ckpt file")]
    support: Annotated[Path, Field(description="a folder that holds CLASS/*.png")]
    query: Annotated[Path, Field(description="a folder of images")]
    steps: Annotated[int | None, Field(description="a whole number, 0 or more", ge=0)] = None
    out: Folder | None = None
    trust: Flag = False


def run(words: Sequence[str]) -> None:
    """Adapts a learner, labels the images, and writes predictions, a contact sheet and weights.

    Arguments:
        words: the command line, such as `support=FOLDER`.

    Raises:
        UserError: for unknown words, and for tasks that the learner cannot adapt to.
    """
    given = AdaptArguments.parse(words)
    out = _out(given.out)
    trained = load(given.ckpt_path, trust=given.trust)
    name = f"{trained.config.names.algorithm} of {given.ckpt_path}"
    _check_images(trained, name)
    support = support_of(given.support.expanduser(), trained.source)
    query = query_of(given.query.expanduser(), trained.source)
    trained = _for_classes(trained, len(support.classes), given, name)
    steps = _steps(given.steps, trained, name)
    adapted, outputs = predict(trained, support.examples, query.inputs, steps)
    answers = Answers(support.classes, query.files, query.truths, outputs.softmax(-1))
    line = f"{name} adapted {_how(trained, steps)} to {_size(support)}"
    answers.announce(line, norm.modes(trained.algorithm))
    record = {"learner": name, "steps": str(steps), "norm": str(trained.config.norm)}
    out = out or lock.new_folder(_default_out())
    answers.write(out, query.inputs, trained.algorithm.weights(adapted), record)


def _for_classes(trained: Trained, classes: int, given: AdaptArguments, name: str) -> Trained:
    """The learner for tasks of so many classes; raises `UserError` if its head has other ones."""
    if not trained.algorithm.fixed_ways:
        return load(given.ckpt_path, classes, given.trust)
    width = trained.algorithm.objective.width
    if classes != width:
        raise UserError(
            f"support has {classes} classes, and {name} was trained with a head for {width}: give "
            "that many, or use a metric learner such as protonet."
        )
    return trained


def _check_images(trained: Trained, name: str) -> None:
    if trained.source.reading is None:
        raise UserError(
            f"{name} was trained on {trained.config.names.dataset}, which is not made of images: "
            "use a run on folder, omniglot, miniimagenet or glyphs."
        )


def _steps(given: int | None, trained: Trained, name: str) -> int:
    if given is None:
        return trained.steps
    if not trained.algorithm.adapts_by_steps:
        raise UserError(f"steps={given}: {name} adapts without inner steps, so leave steps= out.")
    return given


def _how(trained: Trained, steps: int) -> str:
    return f"by {steps} inner steps" if trained.algorithm.adapts_by_steps else "without inner steps"


def _size(support: Support) -> str:
    return f"{len(support.classes)} classes, {len(support.examples.targets)} images"


def _out(given: Path | None) -> Path | None:
    """The folder that the user named, once it is known to be writable; None for a new one."""
    folder = _default_out() if given is None else given.expanduser()
    check_writable(folder, "out=")
    return None if given is None else folder


def _default_out() -> Path:
    place = time.strftime("%Y-%m-%d/%H-%M-%S_adapt")
    return Path(resolvers.repository()) / "outputs" / place
