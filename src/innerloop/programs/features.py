"""The program features.py: the features of a data set by the body of a trained learner."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from omegaconf import DictConfig
from pydantic import Field
from torch import Tensor, nn

from innerloop.data.source import TaskSource
from innerloop.errors import UserError
from innerloop.experiment import elsewhere, notices
from innerloop.experiment.origin import digest
from innerloop.experiment.parts.data import build_source
from innerloop.experiment.parts.learner import device_of
from innerloop.experiment.trained import Trained, load
from innerloop.layers import norm
from innerloop.layers.layout import call_opened
from innerloop.machine.files import whole_file
from innerloop.machine.writable import check_file_writable
from innerloop.startup.arguments import Arguments, Flag, positional


class FeaturesArguments(Arguments):
    """Arguments of features.py."""

    dataset: Annotated[str | None, Field(description="the name of a data set")] = None
    split: Annotated[Literal["train", "val", "test"], Field(description="train, val or test")] = (
        "test"
    )
    out: Annotated[Path | None, Field(description="a file that ends in .npz")] = None
    batch: Annotated[int, Field(description="a number of images, 2 or more", ge=2)] = 500
    resize: Annotated[bool, Field(alias="evaluation.resize", description="true or false")] = False
    trust: Flag = False


def export(words: Sequence[str]) -> None:
    """Writes `features (n, width)`, `labels (n,)`, `class_names`, and where they come from.

    Arguments:
        words: the command line, such as `RUN split=test`.

    Raises:
        UserError: for a run without a body, and a data set that it cannot read.
    """
    run, own, given = _arguments(words)
    out = (given.out or Path(f"features_{given.split}.npz")).expanduser()
    check_file_writable(out)
    trained = load(run, trust=given.trust)
    body, config = _body(trained, run), _configuration(trained.config, given, own)
    source = build_source(config)
    source.prepare()
    device = torch.device(device_of(config))
    features = compute(body.to(device), source, given.split, given.batch, device)
    name, weights = str(config.names.dataset), digest(body.state_dict())
    origin = {"run": run, "dataset": name, "split": given.split, "weights_sha256": weights}
    _write(out, features, source, origin)
    shape = " x ".join(map(str, features.shape))
    notices.say(f"{out}: {shape} features of {name} {given.split}{_norm(body)}")


def _arguments(words: Sequence[str]) -> tuple[str, list[str], FeaturesArguments]:
    """The run, the words `dataset.KEY=VALUE`, and all others."""
    runs, others = positional(words)
    if len(runs) != 1:
        raise UserError("Give the folder of one run, or its .ckpt file: features.py RUN split=test")
    own = [word for word in others if word.startswith("dataset.")]
    return runs[0], own, FeaturesArguments.parse([word for word in others if word not in own])


def _write(out: Path, features: Tensor, source: TaskSource, origin: Mapping[str, str]) -> None:
    """Writes the archive; nothing in it needs pickle."""
    split = origin["split"]
    with whole_file(out) as file:
        np.savez(
            file,
            features=features.numpy(),
            labels=source.labels(split),
            class_names=np.array(source.class_names(split)),
            **{key: np.array(value) for key, value in origin.items()},  # type: ignore[arg-type]
        )


def compute(
    body: nn.Module, source: TaskSource, split: str, batch: int, device: torch.device
) -> Tensor:
    """The features of all stored examples of a split, `(n, width)` float32 on the CPU.

    The examples of a batch are drawn at random, always the same: batch norm may use their
    statistics, and one class after another would give it other ones in every batch.

    Arguments:
        body: in evaluation mode.
        batch: examples computed together.
    """
    number = len(source.labels(split))
    order = torch.randperm(number, generator=torch.Generator().manual_seed(0))
    features = torch.cat(list(_batches(body, source, split, order.split(batch), device)))
    return features[order.argsort()]


@torch.no_grad()
def _batches(
    body: nn.Module,
    source: TaskSource,
    split: str,
    batches: Sequence[Tensor],
    device: torch.device,
) -> Iterator[Tensor]:
    for rows in batches:
        inputs = source.transform(source.rows(split, rows.numpy()))
        yield call_opened(body, inputs.to(device)).float().cpu()


def _body(trained: Trained, run: str) -> nn.Module:
    body = getattr(getattr(trained.algorithm, "model", None), "body", None)
    if not isinstance(body, nn.Module):
        raise UserError(
            f"{trained.config.names.algorithm} of {run} has no body that makes features: use the "
            "run of another method, such as algorithm=protonet."
        )
    return body


def _configuration(config: DictConfig, given: FeaturesArguments, own: list[str]) -> DictConfig:
    """The run's configuration, with another data set if one is named."""
    config.evaluation.validation.dataset = None
    config.evaluation.resize = given.resize
    if given.dataset is None:
        if own:
            raise UserError(f"{own[0]}: name the data set as well, dataset=NAME.")
        return config
    override = f"dataset={given.dataset}"
    chosen = elsewhere.default(given.dataset, override, own)
    return elsewhere.with_data_set(config, given.dataset, chosen, override)


def _norm(body: nn.Module) -> str:
    modes = norm.modes(body) - {"running"}
    return f"; batch norm ({', '.join(sorted(modes))}) by batches of random images" if modes else ""
