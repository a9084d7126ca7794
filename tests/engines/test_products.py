"""Matrix products are rewritten only where that is faster, and keep their values."""

import pytest
import torch
from helpers import close
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from innerloop.engines import products

BMM = torch.ops.aten.bmm.default


def matrices(rows: int, columns: int, by_column: bool) -> Tensor:
    values = torch.randn(2, columns, rows) if by_column else torch.randn(2, rows, columns)
    return values.double().mT if by_column else values.double()


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("right", [False, True])
def test_only_products_of_two_transposed_matrices_are_rewritten(left: bool, right: bool) -> None:
    inputs = (matrices(3, 4, left), matrices(4, 5, right))
    graph = make_fx(torch.bmm, tracing_mode="fake")(*inputs)
    products.turn(graph)
    (product,) = graph.graph.find_nodes(op="call_function", target=BMM)
    turned = [node.op != "placeholder" for node in product.args]
    assert turned == [left and right] * 2
    close(graph(*inputs), torch.bmm(*inputs))


def test_a_rewritten_product_can_be_viewed() -> None:
    inputs = (matrices(3, 4, True), matrices(4, 5, True))

    def flat(first: Tensor, second: Tensor) -> Tensor:
        return torch.bmm(first, second).view(2, -1)

    graph = make_fx(flat, tracing_mode="fake")(*inputs)
    products.turn(graph)
    close(graph(*inputs), flat(*inputs))


def test_a_rewritten_product_can_be_multiplied_again() -> None:
    def cubed(first: Tensor, second: Tensor) -> Tensor:
        once = torch.bmm(first, second)
        return torch.bmm(once, second) + once

    inputs = (matrices(4, 4, True), matrices(4, 4, True))
    graph = make_fx(cubed, tracing_mode="fake")(*inputs)
    products.turn(graph)
    nodes = graph.graph.find_nodes(op="call_function", target=BMM)
    assert len(nodes) == 2 and all(n.args[0].op == "call_function" for n in nodes)
    close(graph(*inputs), cubed(*inputs))
