"""The program adapt.py: adapts a trained learner to labelled images, and labels others."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field

from innerloop.data.labelled import Support, query_of, support_of
from innerloop.errors import UserError
from innerloop.experiment.trained import Trained, load
from innerloop.layers import norm
from innerloop.programs import adapt_table
from innerloop.programs.answers import Answers
from innerloop.programs.prediction import predict
from innerloop.programs.settings import check_out, for_classes, new_or_given, steps_of
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
        words: the command line, such as `support=FOLDER`, or `table=FILE.csv` for a table.

    Raises:
        UserError: for unknown words, and for tasks that the learner cannot adapt to.
    """
    if any(word.startswith("table=") for word in words):
        return adapt_table.run(words)
    given = AdaptArguments.parse(words)
    check_out(given.out)
    trained = load(given.ckpt_path, trust=given.trust)
    name = f"{trained.config.names.algorithm} of {given.ckpt_path}"
    _check_images(trained, name)
    support = support_of(given.support.expanduser(), trained.source)
    query = query_of(given.query.expanduser(), trained.source)
    classes = len(support.classes)
    trained = for_classes(trained, classes, given.ckpt_path, given.trust, name)
    steps = steps_of(given.steps, trained, name)
    adapted, outputs = predict(trained, support.examples, query.inputs, steps)
    answers = Answers(
        classes=support.classes,
        files=query.files,
        truths=query.truths,
        confidences=outputs.softmax(-1),
        adapted=f"{name} adapted {_how(trained, steps)} to {_size(support)}",
    )
    answers.announce(norm.modes(trained.algorithm))
    record = {"learner": name, "steps": str(steps), "norm": str(trained.config.norm)}
    answers.write(new_or_given(given.out), query.inputs, trained.algorithm.weights(adapted), record)


def _check_images(trained: Trained, name: str) -> None:
    if trained.source.reading is None:
        raise UserError(
            f"{name} was trained on {trained.config.names.dataset}, which is not made of images: "
            "use a run on folder, omniglot, miniimagenet or glyphs, or table= for texts, ratings "
            "and measurements."
        )


def _how(trained: Trained, steps: int) -> str:
    return f"by {steps} inner steps" if trained.algorithm.adapts_by_steps else "without inner steps"


def _size(support: Support) -> str:
    return f"{len(support.classes)} classes, {len(support.examples.targets)} images"
