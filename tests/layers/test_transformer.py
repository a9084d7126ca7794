"""Attention and transformer layers against PyTorch's own, in float64."""

import pytest
import torch
from helpers import close
from torch import nn
from torch.func import vmap
from torch.nn import functional as F

from innerloop.errors import UserError
from innerloop.layers.transformer import Attention, Block, attend


def test_attention_equals_pytorchs() -> None:
    q, k, v = (torch.randn(2, n, 3).double() for n in (4, 5, 5))
    allowed = torch.tensor([True, False, True, True, False])
    close(attend(q, k, v), F.scaled_dot_product_attention(q, k, v))
    masked = F.scaled_dot_product_attention(q, k, v, allowed.expand(4, 5))
    close(attend(q, k, v, allowed), masked)


def test_rows_that_do_not_count_change_nothing() -> None:
    layer, rows, others = Block(8, 2).double(), *torch.randn(2, 5, 8).double().unbind()
    allowed = torch.tensor([True, True, False, True, False])
    together = layer(rows, others, allowed)
    close(together, layer(rows, others[allowed]))
    others[~allowed] = 1e6
    close(layer(rows, others, allowed), together)


def test_a_block_equals_pytorchs_transformer_layer() -> None:
    ours = Block(8, 2).double()
    theirs = nn.TransformerEncoderLayer(
        8, 2, 32, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    ).double()
    attention = ours.attention
    none = torch.zeros(8)
    theirs.load_state_dict({
        "self_attn.in_proj_weight": torch.cat(
            [attention.query.weight, attention.key.weight, attention.value.weight]
        ),
        "self_attn.in_proj_bias": torch.cat([none, none, attention.value.bias]),
        "self_attn.out_proj.weight": attention.out.weight,
        "self_attn.out_proj.bias": attention.out.bias,
        "linear1.weight": ours.feed[0].weight, "linear1.bias": ours.feed[0].bias,
        "linear2.weight": ours.feed[2].weight, "linear2.bias": ours.feed[2].bias,
        "norm1.weight": ours.first_norm.weight, "norm1.bias": ours.first_norm.bias,
        "norm2.weight": ours.second_norm.weight, "norm2.bias": ours.second_norm.bias,
    })  # fmt: skip
    rows = torch.randn(3, 6, 8).double()
    close(ours(rows, rows), theirs(rows))


def test_a_block_side_by_side_equals_one_at_a_time() -> None:
    layer, rows = Block(8, 2).double(), torch.randn(3, 6, 8).double()
    close(vmap(lambda x: layer(x, x))(rows), torch.stack([layer(x, x) for x in rows]))


@pytest.mark.parametrize("heads", [0, 3])
def test_heads_that_do_not_divide_the_width_are_refused(heads: int) -> None:
    with pytest.raises(UserError, match=f"width=8, algorithm.heads={heads}"):
        Attention(8, heads)
