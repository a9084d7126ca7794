"""Patterns choose the parameters that the inner loop adapts."""

from collections.abc import Sequence

import pytest
from helpers import config
from torch import nn

from innerloop.adaptation.selection import check_patterns, moving
from innerloop.errors import UserError
from innerloop.models.conv4 import Conv4
from innerloop.models.network import Network


class WithAdapters(nn.Module):
    """A frozen layer with a low-rank addition, as in LoRA."""

    def __init__(self) -> None:
        super().__init__()
        self.base = nn.Linear(3, 3).requires_grad_(False)
        self.lora_down, self.lora_up = nn.Linear(3, 1, bias=False), nn.Linear(1, 3, bias=False)


def test_a_negated_pattern_leaves_batch_norm_out() -> None:
    network = Network(Conv4((1, 28, 28), filters=4), 5)
    norms = {k for k in moving(network) if ".norm." in k}
    assert len(norms) == 8  # scale and shift of four layers
    assert moving(network, ["*", "!*.norm.*"]).keys() == moving(network).keys() - norms


@pytest.mark.parametrize(
    ("patterns", "chosen"),
    [
        (["*"], {"lora_down.weight", "lora_up.weight"}),
        (["lora_*"], {"lora_down.weight", "lora_up.weight"}),
        (["lora_*", "!lora_up.*"], {"lora_down.weight"}),
        (["!lora_up.*", "lora_*"], {"lora_down.weight", "lora_up.weight"}),  # order matters
    ],
)
def test_patterns_choose_by_name_and_never_frozen_parameters(
    patterns: Sequence[str], chosen: set[str]
) -> None:
    assert moving(WithAdapters(), patterns).keys() == chosen


def test_patterns_that_choose_nothing_are_refused() -> None:
    with pytest.raises(UserError, match=r"algorithm.adapted=\[base.*\] chooses no parameter"):
        check_patterns(WithAdapters(), ["base.*"], "algorithm.adapted")


def test_patterns_can_be_set_on_the_command_line() -> None:
    composed = config("algorithm=maml", "algorithm.adapted=['*','!*.norm.*']")
    assert list(composed.algorithm.adapted) == ["*", "!*.norm.*"]
